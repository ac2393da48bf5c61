// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Tags of a hash bucket, eight at a time: which bytes of a word equal one byte.
#pragma once

#include <bit>
#include <cstdint>

namespace skep::maps::hash_tags {

constexpr std::uint8_t tag_of(std::uint64_t hash) {
    return static_cast<std::uint8_t>(0x80 | (hash & 0x7f));
}

inline constexpr std::uint64_t kLowBits = 0x7f7f7f7f7f7f7f7f;
inline constexpr std::uint64_t kOnes = 0x0101010101010101;

// The high bit of each byte of `word` that equals `byte`, and no other bit.
constexpr std::uint64_t bytes_equal_to(std::uint64_t word, std::uint8_t byte) {
    const std::uint64_t differences = word ^ (kOnes * byte);
    return ~(((differences & kLowBits) + kLowBits) | differences | kLowBits);
}
static_assert(bytes_equal_to(0x8100008180018100, 0x81) == 0x8000008000008000);
static_assert(bytes_equal_to(0x0001, 0) == 0x8080808080808000);

constexpr std::uint32_t first_byte(std::uint64_t marks) {
    return static_cast<std::uint32_t>(std::countr_zero(marks)) / 8;
}

} // namespace skep::maps::hash_tags
