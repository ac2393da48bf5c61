// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/commands/verify/ask_engine.hpp"

#include <gtest/gtest.h>

namespace skep::app {
namespace {

constexpr const char* kCounts =
    "verification time 34 usec\nstack depth 8+0\nprocessed 12 insns (limit 1000000) "
    "max_states_per_insn 1 total_states 3 peak_states 2 mark_read 0\n";

TEST(EnginesJudgement, OfAnAcceptedProgramIsItsCounts) {
    const verify::Outcome outcome = as_the_engine_says({0, kCounts, 40}, {}, 0);
    EXPECT_EQ(outcome.verdict, verify::Verdict::accept);
    EXPECT_EQ(outcome.statistics.insns_processed, 12U);
    EXPECT_EQ(outcome.statistics.total_states, 3U);
    EXPECT_EQ(outcome.statistics.peak_states, 2U);
    EXPECT_EQ(outcome.message, "");
    EXPECT_EQ(outcome.log, "") << "only when asked for";
}

TEST(EnginesJudgement, OfARefusedProgramEndsWithItsReason) {
    const std::string log = std::string("0: (bf) r0 = r5\nR5 !read_ok\n") + kCounts;
    const verify::Outcome outcome = as_the_engine_says({-13, log, 40}, {}, 0);
    EXPECT_EQ(outcome.verdict, verify::Verdict::reject);
    EXPECT_EQ(outcome.os_errno, 13);
    EXPECT_EQ(outcome.message, "R5 !read_ok");
    EXPECT_EQ(outcome.log, log) << "we found nothing that would explain it";
}

TEST(EnginesJudgement, WithoutALogIsTheErrorsName) {
    const verify::Outcome outcome = as_the_engine_says({-22, "", 40}, {}, 0);
    EXPECT_EQ(outcome.message, "the engine says no more: Invalid argument");
}

} // namespace
} // namespace skep::app
