// SPDX-License-Identifier: Apache-2.0
//
// The words in which the meaning column of instructions.def is written, for plain unsigned numbers.
//
// Every function is total: no operand has undefined behaviour. A tier that computes with something
// else (an LLVM value, say) gives the same names for its own word type, found by its arguments, and
// gets the whole instruction set. Only words of 8, 32 and 64 bits are used: a 16-bit word would be
// promoted to int and overflow when multiplied.
//
// Source of the rules: RFC 9669, sections 4.1 and 4.2.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace skep::word {

template <class W>
concept Number = std::same_as<W, std::uint8_t> || std::same_as<W, std::uint32_t> ||
    std::same_as<W, std::uint64_t>;

template <Number W>
using SignedOf = std::make_signed_t<W>;
template <Number W>
inline constexpr unsigned kBits = sizeof(W) * 8;

template <Number W>
constexpr W zero(W) {
    return 0;
}
template <Number W>
constexpr bool is_zero(W a) {
    return a == 0;
}
template <std::integral W>
constexpr bool any(W a) {
    return a != 0;
} // narrow words promote to int
template <Number W>
constexpr W select(bool condition, W yes, W no) {
    return condition ? yes : no;
}

template <Number W>
constexpr bool eq(W a, W b) {
    return a == b;
}
template <Number W>
constexpr bool ne(W a, W b) {
    return a != b;
}
template <Number W>
constexpr bool ult(W a, W b) {
    return a < b;
}
template <Number W>
constexpr bool ule(W a, W b) {
    return a <= b;
}
template <Number W>
constexpr bool slt(W a, W b) {
    return static_cast<SignedOf<W>>(a) < static_cast<SignedOf<W>>(b);
}
template <Number W>
constexpr bool sle(W a, W b) {
    return static_cast<SignedOf<W>>(a) <= static_cast<SignedOf<W>>(b);
}

// A divisor of zero never decides: the table selects before it divides, and both sides are
// evaluated.
template <Number W>
constexpr W udiv(W a, W b) {
    return b == 0 ? W{0} : static_cast<W>(a / b);
}
template <Number W>
constexpr W umod(W a, W b) {
    return b == 0 ? W{0} : static_cast<W>(a % b);
}
template <Number W>
constexpr W sdiv(W a, W b) {
    if (b == static_cast<W>(~W{0})) {
        return static_cast<W>(W{0} -
                              a); // also right for the least number, whose quotient has no room
    }
    return b == 0 ? W{0}
                  : static_cast<W>(static_cast<SignedOf<W>>(a) / static_cast<SignedOf<W>>(b));
}
template <Number W>
constexpr W smod(W a, W b) {
    if (b == static_cast<W>(~W{0}) || b == 0) {
        return 0;
    }
    return static_cast<W>(static_cast<SignedOf<W>>(a) % static_cast<SignedOf<W>>(b));
}

template <Number W>
constexpr W shl(W a, W b) {
    return static_cast<W>(a << (b & (kBits<W> - 1)));
}
template <Number W>
constexpr W shr(W a, W b) {
    return static_cast<W>(a >> (b & (kBits<W> - 1)));
}
template <Number W>
constexpr W sar(W a, W b) {
    return static_cast<W>(static_cast<SignedOf<W>>(a) >> (b & (kBits<W> - 1)));
}

// Widths above the word's own leave the word as it is.
template <Number W>
constexpr W sext8(W a) {
    return static_cast<W>(static_cast<std::int8_t>(a));
}
template <Number W>
constexpr W sext16(W a) {
    return sizeof(W) < 2 ? a : static_cast<W>(static_cast<std::int16_t>(a));
}
template <Number W>
constexpr W sext32(W a) {
    return sizeof(W) < 4 ? a : static_cast<W>(static_cast<std::int32_t>(a));
}
template <Number W>
constexpr W zext16(W a) {
    return static_cast<W>(static_cast<std::uint16_t>(a));
}
template <Number W>
constexpr W zext32(W a) {
    return static_cast<W>(static_cast<std::uint32_t>(a));
}
template <Number W>
constexpr W swap16(W a) {
    return static_cast<W>(__builtin_bswap16(static_cast<std::uint16_t>(a)));
}
template <Number W>
constexpr W swap32(W a) {
    return static_cast<W>(__builtin_bswap32(static_cast<std::uint32_t>(a)));
}
template <Number W>
constexpr W swap64(W a) {
    return static_cast<W>(__builtin_bswap64(static_cast<std::uint64_t>(a)));
}

} // namespace skep::word
