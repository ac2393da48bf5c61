// SPDX-License-Identifier: Apache-2.0
//
// The process that compiles: it answers with an image or with what went wrong, whatever the
// compiler in it does, and goes on afterwards; and it is gone at once when nobody wants it any
// more.
#include "skep/run/optimised/compiler_process.hpp"

#include <chrono>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/os/process/message_socket.hpp"
#include "skep/os/process/wait.hpp"
#include "skep/run/optimised/tiered.hpp"
#include "skep/run/tiers.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

using run::CacheUse;
using run::Compiled;
using run::CompilerProcess;
using ::testing::HasSubstr;

verify::VerifiedProgram returns(int number) {
    const auto assembled = assemble("r0 = " + std::to_string(number) + "\nexit");
    EXPECT_TRUE(assembled.ok());
    return unchecked(assembled->insns);
}

// More than a mebibyte of work for any compiler.
[[maybe_unused]] verify::VerifiedProgram long_one() {
    std::string text = "r0 = r1\n";
    for (int i = 0; i < 1000; ++i) {
        text += fmt::format("r0 *= 7\nif r0 > {} goto l{}\nr0 ^= {}\nl{}:\n", i, i, i, i);
    }
    const auto assembled = assemble(text + "exit");
    EXPECT_TRUE(assembled.ok());
    return unchecked(assembled->insns);
}

class CompilerInItsProcess : public testing::Test {
  protected:
    void SetUp() override {
        if (!run::check_available(run::Tier::llvm).ok()) {
            GTEST_SKIP() << run::check_available(run::Tier::llvm).error().message;
        }
    }
    void TearDown() override {
        ::unsetenv("SKEP_LLVM_MODULE");      // NOLINT: one thread
        ::unsetenv("SKEP_BROKEN_OPTIMISER"); // NOLINT: one thread
    }

    static void break_it(const char* way) {
        ::setenv("SKEP_LLVM_MODULE", SKEP_BINARY_DIR "/tests/broken-optimiser.so", 1); // NOLINT
        ::setenv("SKEP_BROKEN_OPTIMISER", way, 1);                                     // NOLINT
    }
    void start() {
        auto started = CompilerProcess::start();
        ASSERT_TRUE(started.ok()) << started.error().message;
        process_ = std::move(started).value();
    }
    [[nodiscard]] Result<Compiled> compile(const verify::VerifiedProgram& program,
                                           const run::CompileBounds& bounds = {}) const {
        TRY(process_->link().send({.program = program, .shapes = {}}, bounds, CacheUse::none));
        return process_->link().receive();
    }

    std::unique_ptr<CompilerProcess> process_;
};

TEST_F(CompilerInItsProcess, MakesImagesOneAfterTheOther) {
    start();
    for (const int number : {7, 8, 9}) {
        const auto program = returns(number);
        auto compiled = compile(program);
        ASSERT_TRUE(compiled.ok()) << compiled.error().message;
        auto executable = run::place_optimised(std::move(compiled->image), program, {});
        ASSERT_TRUE(executable.ok());
        helpers::Invocation invocation;
        EXPECT_EQ((*executable)->run(nullptr, invocation), static_cast<std::uint64_t>(number));
    }
}

TEST_F(CompilerInItsProcess, GivesUpWhenTimeOrMemoryIsUsedUpAndGoesOn) {
    start();
    EXPECT_TRUE(compile(returns(1)).ok()); // the module is loaded now
    const auto slow = compile(returns(2), {.milliseconds = 0});
    ASSERT_FALSE(slow.ok());
    EXPECT_THAT(slow.error().message, HasSubstr("took longer than 0 ms"));
#if !defined(__SANITIZE_ADDRESS__)
    const auto large = compile(long_one(), {.private_bytes = 1});
    ASSERT_FALSE(large.ok()); // LLVM says itself what it lacks
    EXPECT_THAT(large.error().message, HasSubstr("the compile"));
#endif
    EXPECT_TRUE(compile(returns(4)).ok());
}

TEST_F(CompilerInItsProcess, SaysHowTheCompilerCameToItsEnd) {
    break_it("dies");
    start();
    for (int i = 0; i < 2; ++i) {
        const auto dead = compile(returns(1));
        ASSERT_FALSE(dead.ok());
        EXPECT_THAT(dead.error().message, HasSubstr("SIGABRT"));
        EXPECT_THAT(dead.error().message, HasSubstr("something that cannot be"));
    }
}

TEST_F(CompilerInItsProcess, SurvivesACompilerThatHangsGrowsOrLies) {
    break_it("hangs");
    start();
    const auto slow = compile(returns(1), {.milliseconds = 30});
    ASSERT_FALSE(slow.ok());
    EXPECT_THAT(slow.error().message, HasSubstr("30 ms"));
#if !defined(__SANITIZE_ADDRESS__)
    break_it("grows");
    start();
    EXPECT_FALSE(compile(returns(1), {.private_bytes = 32U << 20}).ok());
#endif
    break_it("lies");
    start();
    const auto lie = compile(returns(1));
    ASSERT_FALSE(lie.ok());
    EXPECT_THAT(lie.error().message, HasSubstr("outside the code"));
}

TEST_F(CompilerInItsProcess, AnswersNonsenseWithAnError) {
    auto started = CompilerProcess::start_with_socket();
    ASSERT_TRUE(started.ok());
    for (std::size_t size = 1; size < 64; ++size) {
        const ByteVector nonsense(size, static_cast<std::uint8_t>(size));
        ASSERT_TRUE(os::send_message(started->second, nonsense, {}).ok());
        const auto answer = os::receive_message(started->second, 20'000);
        ASSERT_TRUE(answer.ok()) << answer.error().message;
        ASSERT_FALSE(answer->is_end);
    }
}

TEST_F(CompilerInItsProcess, IsLeftAtOnceWhenItIsNotWaitedForAnyMore) {
    break_it("hangs");
    start();
    const auto program = returns(1);
    auto stop = os::Wakeup::create();
    ASSERT_TRUE(stop.ok());
    ASSERT_TRUE(process_->link().send({.program = program, .shapes = {}}, {}, CacheUse::none).ok());
    stop->wake();
    const auto answer = process_->link().receive(stop->fd());
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code, Code::again);
}

// A program goes away, and the process ends, while a compile hangs that may take an hour.
TEST_F(CompilerInItsProcess, HoldsUpNoProgramThatGoesAway) {
    break_it("hangs");
    const auto program = returns(5);
    run::BackgroundCompiler compiler;
    const run::TieringPolicy patient{1, false, {.milliseconds = 3'600'000}};
    for (int i = 0; i < 3; ++i) {
        auto made = run::make_tiered(program, {}, compiler, patient);
        ASSERT_TRUE(made.ok());
        for (int k = 0; k < 10; ++k) {
            helpers::Invocation invocation;
            ASSERT_EQ((*made)->run(nullptr, invocation), 5U);
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        EXPECT_EQ((*made)->tier(), run::Tier::jit);
    }
}

TEST_F(CompilerInItsProcess, LeavesAWordWhyAProgramStaysAsItIs) {
    break_it("dies");
    const auto program = returns(6);
    run::BackgroundCompiler compiler;
    auto made = run::make_tiered(program, {}, compiler, {1, false, {}});
    ASSERT_TRUE(made.ok());
    for (int k = 0; k < 5'000 && (*made)->remark().empty(); ++k) {
        helpers::Invocation invocation;
        ASSERT_EQ((*made)->run(nullptr, invocation), 6U);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    EXPECT_THAT((*made)->remark(), HasSubstr("stays one-pass code"));
    EXPECT_THAT((*made)->remark(), HasSubstr("something that cannot be"));
}

} // namespace
} // namespace skep::tests
