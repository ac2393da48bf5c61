// SPDX-License-Identifier: Apache-2.0
//
// Data plane. A 64-bit number from a key and a seed: multiply, fold the 128-bit product, repeat.
//
// Not a cryptographic hash; the seed is random per map (unless ZERO_SEED asks for equal orders), so
// that keys chosen from outside cannot be made to meet in one bucket. Sixteen bytes at a time are
// multiplied with each other, each half hidden by the state first: no half can be chosen to make
// the product zero.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace skep::maps {

inline std::uint64_t folded_product(std::uint64_t left, std::uint64_t right) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(left) * right;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline std::uint64_t hash_key(const std::uint8_t* key, std::uint32_t size_bytes,
                              std::uint64_t seed) {
    constexpr std::uint64_t kOdd1 = 0x9e3779b97f4a7c15; // golden ratio
    constexpr std::uint64_t kOdd2 = 0xd6e8feb86659fd93;
    std::uint64_t state = seed ^ (kOdd1 * (size_bytes + 1));
    std::uint32_t at = 0;
    for (; at + 16 <= size_bytes; at += 16) {
        std::uint64_t low = 0;
        std::uint64_t high = 0;
        std::memcpy(&low, key + at, 8);
        std::memcpy(&high, key + at + 8, 8);
        state = folded_product(low ^ state, high ^ std::rotl(state, 32) ^ kOdd2) + kOdd1;
    }
    for (; at + 8 <= size_bytes; at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, key + at, 8);
        state = folded_product(state ^ word, kOdd1) + kOdd2;
    }
    if (at < size_bytes) {
        std::uint64_t word = 0;
        std::memcpy(&word, key + at, size_bytes - at);
        state = folded_product(state ^ word, kOdd1) + kOdd2;
    }
    return folded_product(state ^ (state >> 32), kOdd2);
}

} // namespace skep::maps
