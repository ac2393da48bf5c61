// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/arm64/bitmask.hpp"

#include <random>
#include <set>

#include <gtest/gtest.h>

namespace skep::run::jit::arm64 {
namespace {

// The number that 13 bits stand for, built bit by bit from the manual's words; nothing for those
// that it reserves.
std::optional<std::uint64_t> decoded(std::uint32_t bits) {
    const unsigned n = bits >> 12;
    const unsigned rotation = bits >> 6 & 63;
    const unsigned length_field = bits & 63;
    unsigned size = 64;
    if (n == 0) {
        unsigned highest_zero = 6;
        while (highest_zero > 0 && (length_field >> (highest_zero - 1) & 1) != 0) {
            --highest_zero;
        }
        if (highest_zero < 2) {
            return std::nullopt; // elements of one bit, or none
        }
        size = 1U << (highest_zero - 1);
    }
    const unsigned ones = (length_field & (size - 1)) + 1;
    if (ones == size || rotation >= size) {
        return std::nullopt;
    }
    std::uint64_t number = 0;
    for (unsigned bit = 0; bit < 64; ++bit) {
        const unsigned place = (bit % size + rotation) % size; // rotated to the right
        number |= std::uint64_t{place < ones ? 1U : 0U} << bit;
    }
    return number;
}

TEST(Bitmask, FindsEveryNumberThatHasAnEncoding) {
    std::set<std::uint64_t> numbers;
    std::set<std::uint64_t> words;
    for (std::uint32_t bits = 0; bits < 1U << 13; ++bits) {
        const auto number = decoded(bits);
        if (!number.has_value()) {
            continue;
        }
        ASSERT_EQ(bitmask_of(*number), bits) << std::hex << *number;
        numbers.insert(*number);
        if ((bits & 1U << 12) == 0) {
            words.insert(*number & 0xffffffffU);
            ASSERT_EQ(bitmask_of_word(static_cast<std::uint32_t>(*number)), bits);
        }
    }
    EXPECT_EQ(numbers.size(), 5334U); // of 64 bits: sizes times lengths times rotations
    EXPECT_EQ(words.size(), 1302U);
}

TEST(Bitmask, FindsNoneForOtherNumbers) {
    EXPECT_FALSE(bitmask_of(0).has_value());
    EXPECT_FALSE(bitmask_of(~std::uint64_t{0}).has_value());
    EXPECT_FALSE(bitmask_of_word(0xffffffff).has_value());
    std::mt19937_64 random(1);
    for (int round = 0; round < 100'000; ++round) {
        const std::uint64_t number = random() & random();
        if (const auto bits = bitmask_of(number)) {
            ASSERT_EQ(decoded(*bits), number);
        }
    }
    EXPECT_FALSE(bitmask_of(5).has_value());
    EXPECT_FALSE(bitmask_of(0x12345678).has_value());
}

} // namespace
} // namespace skep::run::jit::arm64
