// SPDX-License-Identifier: Apache-2.0
#include "skep/run/executable.hpp"

#include <array>

#include <gtest/gtest.h>

namespace skep::run {
namespace {

const std::array<std::uint8_t, 64> kBytes{};

TEST(CodeListing, CodeInOrderBelongsToTheInstructionThatBeginsLast) {
    const CodeListing listing{kBytes, 0, {4, 8, 8, 20, 30}, {0}}; // the second and third are one
    EXPECT_EQ(listing.insn_at(0), 0U);
    EXPECT_EQ(listing.insn_at(7), 0U);
    EXPECT_EQ(listing.insn_at(19), 1U);
    EXPECT_EQ(listing.insn_at(63), 3U);
    EXPECT_EQ(listing.insn_at(64), std::nullopt);
}

TEST(CodeListing, OptimisedCodeBelongsToTheMarkBeforeIt) {
    const CodeListing listing{kBytes, 0, {}, {0}, {{0, 5}, {10, 2}, {12, 5}}};
    EXPECT_EQ(listing.insn_at(9), 5U);
    EXPECT_EQ(listing.insn_at(10), 2U);
    EXPECT_EQ(listing.insn_at(40), 5U);
}

TEST(CodeListing, CodeInAnotherOrderGetsMarks) {
    const std::array<std::uint32_t, 5> offsets{0, 20, 8, 8, 30}; // the second stands last
    const CodeListing listing{kBytes, 0, {}, {0}, CodeListing::marks_of(offsets)};
    EXPECT_EQ(listing.insn_at(7), 0U);
    EXPECT_EQ(listing.insn_at(8), 2U); // and the fourth is one with it
    EXPECT_EQ(listing.insn_at(19), 2U);
    EXPECT_EQ(listing.insn_at(29), 1U);
    EXPECT_TRUE(CodeListing::marks_of(std::array<std::uint32_t, 3>{0, 4, 4}).empty());
}

TEST(CodeListing, WithoutEitherNothingIsTold) {
    EXPECT_EQ((CodeListing{kBytes, 0, {}, {0}}.insn_at(3)), std::nullopt);
}

} // namespace
} // namespace skep::run
