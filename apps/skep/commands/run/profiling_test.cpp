// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/commands/run/profiling.hpp"

#include <array>

#include <gtest/gtest.h>

namespace skep::app {
namespace {

constexpr std::uint64_t kCode = 0x7f0000001000;

// Four instructions, of which the second and third became one; and what follows the last.
Costs costs(std::initializer_list<os::Sample> samples) {
    static const std::array<std::uint8_t, 64> bytes{};
    return costs_of({samples, 0}, Metric::cycles, {bytes, kCode, {4, 8, 8, 20, 30}, {0}, {}});
}

TEST(Profiling, AnAddressBelongsToTheInstructionWhoseCodeItLiesIn) {
    const Costs found = costs({{kCode + 4, 10}, {kCode + 7, 1}, {kCode + 8, 100}, {kCode + 19, 5}});
    EXPECT_EQ(found.of, (std::vector<std::uint64_t>{11, 105, 0, 0}));
    EXPECT_EQ(found.elsewhere, 0U);
    EXPECT_EQ(found.unit, "cycles");
}

TEST(Profiling, AFunctionsBeginningAndEndBelongToItsFirstAndLastInstruction) {
    EXPECT_EQ(costs({{kCode, 3}, {kCode + 40, 7}}).of, (std::vector<std::uint64_t>{3, 0, 0, 7}));
}

TEST(Profiling, WhatLiesOutsideIsElsewhere) {
    EXPECT_EQ(costs({{kCode - 1, 3}, {kCode + 64, 4}, {1, 5}}).elsewhere, 12U);
}

TEST(Profiling, MetricsAreKnownByTheirWords) {
    Words words({"time", "instructions", "steam"});
    EXPECT_EQ(take_metric(words), Metric::time);
    EXPECT_EQ(take_metric(words), Metric::instructions);
    EXPECT_EQ(take_metric(words), std::nullopt);
    EXPECT_EQ(words.remaining(), 1U);
}

} // namespace
} // namespace skep::app
