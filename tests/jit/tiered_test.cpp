// SPDX-License-Identifier: Apache-2.0
//
// A program that is compiled in the background while it runs: its answers do not change, and its
// old code goes when nobody is in it.
#include "skep/run/optimised/tiered.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/run/code/guard.hpp"
#include "skep/run/tiers.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

constexpr std::string_view kSumsUp = R"(
    r0 = 0
    r1 = 100
again:
    r0 += r1
    r1 -= 1
    if r1 != 0 goto again
    exit
)";
constexpr std::uint64_t kSum = 5050;

struct Tiered : testing::Test {
    void SetUp() override {
        for (const run::Tier tier : {run::Tier::jit, run::Tier::llvm}) {
            if (!run::check_available(tier).ok()) {
                GTEST_SKIP() << run::check_available(tier).error().message;
            }
        }
    }
};

verify::VerifiedProgram sums_up() {
    const auto assembled = assemble(kSumsUp);
    EXPECT_TRUE(assembled.ok());
    return unchecked(assembled->insns);
}

std::uint64_t run_once_more(run::Executable& program) {
    helpers::Invocation invocation;
    return program.run(nullptr, invocation);
}

TEST_F(Tiered, IsSwappedWhileItRunsAndFreesWhatCameBefore) {
    const auto program = sums_up();
    run::BackgroundCompiler compiler;
    auto made = run::make_tiered(program, {}, compiler, {.runs_before = 10, .uses_cache = false});
    ASSERT_TRUE(made.ok()) << made.error().message;
    run::TieredExecutable& tiered = **made;
    EXPECT_EQ(tiered.tier(), run::Tier::jit);
    std::atomic<std::uint64_t> wrong{0};
    std::array<std::thread, 2> runners;
    for (std::thread& runner : runners) {
        runner = std::thread([&] {
            for (std::uint64_t i = 0; i < 20'000'000 && !tiered.has_settled(); ++i) {
                wrong += run_once_more(tiered) == kSum ? 0 : 1;
            }
            for (int i = 0; i < 1000; ++i) {
                wrong += run_once_more(tiered) == kSum ? 0 : 1;
            }
        });
    }
    for (std::thread& runner : runners) {
        runner.join();
    }
    EXPECT_EQ(wrong, 0U);
    EXPECT_TRUE(tiered.has_settled());
    EXPECT_EQ(tiered.tier(), run::Tier::llvm);
}

// A run asks for the time in the middle, and is held up there until the better code has come and
// could have been freed in its place many times; then it goes on in the old code.
TEST_F(Tiered, KeepsOldCodeWhileARunIsInIt) {
    const auto program = unchecked(assemble("r6 = r1\ncall 5\nr0 += 7\nexit").value().insns);
    run::BackgroundCompiler compiler;
    auto made = run::make_tiered(program, {}, compiler, {.runs_before = 0, .uses_cache = false});
    ASSERT_TRUE(made.ok()) << made.error().message;
    run::TieredExecutable& tiered = **made;
    helpers::Services services;
    services.owner = &tiered;
    services.clock_ns = [](void* owner, int) -> std::uint64_t {
        const auto& running = *static_cast<run::TieredExecutable*>(owner);
        for (int i = 0; i < 30'000 && running.tier() != run::Tier::llvm; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        return running.has_settled() ? 2000 : 1000;
    };
    helpers::Invocation invocation;
    invocation.services = &services;
    EXPECT_EQ(tiered.run(nullptr, invocation), 1007U) << "2007: it was freed too early";
    EXPECT_EQ(tiered.tier(), run::Tier::llvm);
    for (int i = 0; i < 30'000 && !tiered.has_settled(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(tiered.run(nullptr, invocation), 2007U);
}

TEST_F(Tiered, MayGoAwayAtAnyMoment) {
    const auto program = sums_up();
    run::BackgroundCompiler compiler;
    for (int round = 0; round < 20; ++round) {
        auto made =
            run::make_tiered(program, {}, compiler, {.runs_before = 1, .uses_cache = false});
        ASSERT_TRUE(made.ok());
        for (int i = 0; i < round * 50; ++i) {
            ASSERT_EQ(run_once_more(**made), kSum);
        }
    }
}

TEST_F(Tiered, StaysOnePassCodeWhenItRunsSeldom) {
    const auto program = sums_up();
    run::BackgroundCompiler compiler;
    auto made = run::make_tiered(program, {}, compiler);
    ASSERT_TRUE(made.ok());
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(run_once_more(**made), kSum);
    }
    EXPECT_EQ((*made)->tier(), run::Tier::jit);
}

TEST_F(Tiered, LinesChangeNoOptimisedCodeAndNameInstructionsOfTheProgram) {
    // What the context is nobody knows when it is compiled.
    const auto assembled = assemble("r0 = r1\nr1 = 100\nagain:\nr0 ^= r1\nr0 *= 7\nr1 -= 1\n"
                                    "if r1 != 0 goto again\nexit");
    const auto program = unchecked(assembled.value().insns);
    const auto plain = run::make_optimised(program, {});
    const auto with_lines = run::make_optimised_with_lines(program, {});
    ASSERT_TRUE(plain.ok() && with_lines.ok());
    const run::CodeListing listing = (*with_lines)->listing().value();
    EXPECT_TRUE(std::ranges::equal(listing.bytes, (*plain)->listing()->bytes));
    EXPECT_FALSE((*plain)->listing()->insn_at(0).has_value());
    EXPECT_FALSE(listing.marks.empty());
    std::uint32_t least = 0;
    for (const run::CodeListing::Mark& mark : listing.marks) {
        EXPECT_GE(mark.offset, std::exchange(least, mark.offset));
        EXPECT_LT(mark.insn, program.insns().size());
    }
    EXPECT_EQ(run_once_more(**with_lines), run_once_more(**plain));
}

} // namespace
} // namespace skep::tests
