// SPDX-License-Identifier: Apache-2.0
//
// Numbers that logical instructions of arm64 can hold.
//
// Such a number is made of equal elements of 2, 4, 8, 16, 32 or 64 bits; an element is a run of
// ones, rotated to the right. Zero and all ones are none. Encoded in 13 bits: N, how far it is
// rotated (immr), and in one field the length of the run and the size of the element (imms).
//
// Proved by: bitmask_test.cpp (every encoding, read by an independent decoder; counted).
#pragma once

#include <cstdint>
#include <optional>

namespace skep::run::jit::arm64 {

// The 13 bits for `number`, repeated to 64 bits when it is one of 32; nothing when there are none.
std::optional<std::uint32_t> bitmask_of(std::uint64_t number);

// For an operand of 32 bits.
inline std::optional<std::uint32_t> bitmask_of_word(std::uint32_t number) {
    return bitmask_of(std::uint64_t{number} << 32 | number);
}

} // namespace skep::run::jit::arm64
