// SPDX-License-Identifier: Apache-2.0
//
// Recompose: which bytes become one load, and which must not. That the answers stay what they were
// is tests/engines' business, whose random programs put numbers together in every way.
#include "skep/run/jit/recompose.hpp"

#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

using run::jit::WideLoad;

std::vector<WideLoad> loads_in(std::string_view text) {
    const auto assembled = assemble(text);
    EXPECT_TRUE(assembled.ok()) << assembled.error().message;
    const verify::VerifiedProgram program = unchecked(assembled->insns);
    const auto plan = run::jit::make_plan(program, {});
    EXPECT_TRUE(plan.ok());
    const auto result = run::jit::recompose(*plan, run::jit::live_before(*plan));
    return {result.loads.begin(), result.loads.end()};
}

TEST(Recompose, TwoBytesInTheNetworksOrderAreOneSwappedLoad) {
    const auto loads = loads_in(R"(
        r2 = *(u8 *)(r1 + 12)
        r0 = *(u8 *)(r1 + 13)
        r2 <<= 8
        r0 |= r2
        exit
    )");
    ASSERT_EQ(loads.size(), 1U);
    EXPECT_EQ(loads[0].dst, 0);
    EXPECT_EQ(loads[0].base, 1);
    EXPECT_EQ(loads[0].offset, 12);
    EXPECT_EQ(loads[0].size_bytes, 2);
    EXPECT_TRUE(loads[0].swapped);
}

TEST(Recompose, TheBaseMayBeLostInTheLastLoad) {
    const auto loads = loads_in(R"(
        r2 = *(u16 *)(r1 + 2)
        r1 = *(u16 *)(r1 + 0)
        r2 <<= 16
        r2 |= r1
        r0 = r2
        exit
    )");
    ASSERT_EQ(loads.size(), 1U);
    EXPECT_EQ(loads[0].size_bytes, 4);
    EXPECT_FALSE(loads[0].swapped);
}

TEST(Recompose, APartThatSomebodyElseReadsStays) {
    EXPECT_TRUE(loads_in(R"(
        r2 = *(u8 *)(r1 + 1)
        r0 = *(u8 *)(r1 + 0)
        r3 = r2
        r2 <<= 8
        r0 |= r2
        r0 += r3
        exit
    )")
                    .empty());
}

TEST(Recompose, MemoryThatChangesInBetweenKeepsItApart) {
    EXPECT_TRUE(loads_in(R"(
        r2 = *(u8 *)(r1 + 1)
        *(u8 *)(r1 + 0) = 7
        r0 = *(u8 *)(r1 + 0)
        r2 <<= 8
        r0 |= r2
        exit
    )")
                    .empty());
}

TEST(Recompose, AJumpThatArrivesInBetweenKeepsItApart) {
    EXPECT_TRUE(loads_in(R"(
        r2 = *(u8 *)(r1 + 1)
        if r2 != 0 goto there
        r2 = 5
    there:
        r0 = *(u8 *)(r1 + 0)
        r2 <<= 8
        r0 |= r2
        exit
    )")
                    .empty());
}

TEST(Recompose, AnotherBaseOrAGapKeepsItApart) {
    EXPECT_TRUE(loads_in(R"(
        r2 = *(u8 *)(r1 + 1)
        r1 += 1
        r0 = *(u8 *)(r1 + 0)
        r2 <<= 8
        r0 |= r2
        exit
    )")
                    .empty());
    EXPECT_TRUE(loads_in(R"(
        r2 = *(u8 *)(r1 + 2)
        r0 = *(u8 *)(r1 + 0)
        r2 <<= 8
        r0 |= r2
        exit
    )")
                    .empty());
}

} // namespace
} // namespace skep::tests
