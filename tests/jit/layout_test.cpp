// SPDX-License-Identifier: Apache-2.0
//
// Chunks of a program in another order: which is taken, and that the program stays the same.
#include "skep/run/jit/blocks/layout.hpp"

#include <algorithm>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "tests/support/engines.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

std::vector<RawInsn> insns_of(std::string_view text) {
    auto assembled = assemble(text);
    EXPECT_TRUE(assembled.ok()) << text;
    return assembled.ok() ? std::move(assembled->insns) : std::vector<RawInsn>();
}

Result<run::jit::Plan> laid_out(std::string_view text) {
    return run::jit::make_plan(unchecked(insns_of(text)), {}, run::jit::Blocks::laid_out);
}

std::vector<std::uint32_t> order_of(std::string_view text) {
    const auto plan = laid_out(text);
    return plan.ok() ? std::vector<std::uint32_t>(plan->order.begin(), plan->order.end())
                     : std::vector<std::uint32_t>{~0U};
}

// The body of the loop, 6 to 8, stands behind what follows the loop.
constexpr std::string_view kBodyBehind = "r0 = 0\n"
                                         "r1 = 5\n"
                                         "goto body\n"
                                         "latch:\nr1 -= 1\n"
                                         "if r1 != 0 goto body\n"
                                         "exit\n"
                                         "body:\nr0 += r1\n"
                                         "r0 *= 3\n"
                                         "goto latch";

TEST(Layout, ALoopsBodyComesBeforeWhatFollowsTheLoop) {
    EXPECT_EQ(order_of(kBodyBehind), (std::vector<std::uint32_t>{0, 1, 2, 6, 7, 8, 3, 4, 5}));
    const auto plan = laid_out(kBodyBehind);
    ASSERT_TRUE(plan.ok());
    EXPECT_TRUE(plan->has(run::jit::kLoopHead, 6));
    EXPECT_TRUE(plan->is_target(6));
    EXPECT_FALSE(plan->is_target(3)) << "nobody but the goto before it went to the latch";
    EXPECT_EQ(plan->place_of(6), 3U);
    EXPECT_EQ(plan->slot_at(6), 3U);
}

TEST(Layout, WhoDoesNotAskForItGetsSlotsAsTheyWereWritten) {
    const auto plan = run::jit::make_plan(unchecked(insns_of(kBodyBehind)), {});
    ASSERT_TRUE(plan.ok());
    EXPECT_TRUE(plan->order.empty());
    EXPECT_TRUE(plan->is_target(3));
}

TEST(Layout, WhereNoGotoLeadsToAChunkNothingMoves) {
    EXPECT_TRUE(order_of("r0 = 0\nloop:\nr0 += 1\nif r0 != 9 goto loop\nexit").empty());
    EXPECT_TRUE(order_of("r0 = 0\ngoto there\nthere:\nexit").empty());
    EXPECT_TRUE(order_of("r0 = 0\nif r0 == 0 goto far\nr0 = 2\nexit\nfar:\nr0 = 1\nexit").empty());
}

TEST(Layout, WhatIsJoinedWithAJumpOverItStaysBehindIt) {
    EXPECT_TRUE(order_of("r0 = 0\nif r1 == 0 goto near\ngoto far\nnear:\nr0 = 1\nexit\n"
                         "far:\nr0 = 2\nexit")
                    .empty());
}

TEST(Layout, FunctionsStayWhereTheyAre) {
    EXPECT_EQ(order_of("call pc+5\ngoto out\nback:\nr0 += 1\nexit\nout:\nr0 += 2\ngoto back\n"
                       "r1 = 3 ll\ngoto last\nr0 = 9\nexit\nlast:\nr0 = 4\nexit"),
              (std::vector<std::uint32_t>{0, 1, 4, 5, 2, 3, 6, 7, 8, 11, 12, 9, 10}));
}

// Chunks that each change R0 and go on with one that comes later, or once in a while with an
// earlier one, in any order.
std::string jumbled(std::mt19937_64& random) {
    const auto below = [&random](std::uint64_t limit) { return random() % limit; };
    const std::uint64_t count = 2 + below(12);
    std::vector<std::string> chunks;
    for (std::uint64_t i = 0; i < count; ++i) {
        std::string text =
            fmt::format("chunk{}:\nr0 *= {}\nr0 += r{}\n", i, 3 + below(50), 6 + below(3));
        if (below(3) == 0) {
            text +=
                fmt::format("r{} = {} ll\nr0 ^= r6\n", 6 + below(3), below(std::uint64_t{1} << 40));
        }
        const std::uint64_t later = i + 1 + below(std::min<std::uint64_t>(3, count - i));
        if (later < count) {
            const char* const comparison = below(2) == 0 ? "r0 s> r6" : "r0 & 5";
            text += fmt::format("if {} goto chunk{}\nr7 += r0\n", comparison, later);
        }
        if (below(4) == 0) {
            text += fmt::format("if r9 == 0 goto on{}\nr9 -= 1\ngoto chunk{}\non{}:\nr8 ^= r0\n", i,
                                below(i + 1), i);
        }
        const std::uint64_t next = i + 1 + below(2);
        text += next < count ? fmt::format("goto chunk{}\n", next) : "exit\n";
        chunks.push_back(std::move(text));
    }
    std::shuffle(chunks.begin() + 1, chunks.end(), random);
    std::string text = "r0 = 1\nr6 = 2\nr7 = 3\nr8 = 4\nr9 = 20\n";
    for (const std::string& chunk : chunks) {
        text += chunk;
    }
    return text;
}

TEST(Layout, JumbledProgramsAnswerAsTheInterpreterDoes) {
    std::mt19937_64 random(20261123);
    int moved = 0;
    for (int i = 0; i < 400; ++i) {
        const std::string text = jumbled(random);
        const auto program = unchecked(insns_of(text));
        moved += order_of(text).empty() ? 0 : 1;
        const auto all = engines();
        const auto expected = run_once(all.front(), program, nullptr);
        ASSERT_TRUE(expected.ok()) << text;
        for (const Engine& engine : all) {
            const auto result = run_once(engine, program, nullptr);
            ASSERT_TRUE(result.ok()) << engine.name << "\n" << text;
            ASSERT_EQ(*result, *expected) << engine.name << "\n" << text;
        }
    }
    EXPECT_GT(moved, 200);
}

} // namespace
} // namespace skep::tests
