// SPDX-License-Identifier: Apache-2.0
//
// A word of a few bits in which the meaning column of the instruction table can be computed: with
// two or four bits, everything can be tried. The names are those of spec/word.hpp; the compiler
// finds these by their arguments.
//
// Written apart from domain/bit_width.hpp on purpose: what is tested does not test itself.
#pragma once

#include <cstdint>

#include "skep/spec/instructions.hpp"

namespace skep::tests::soundness {

template <unsigned Bits>
struct SmallWord {
    static constexpr unsigned kAll = (1U << Bits) - 1;
    unsigned number = 0; // below 2^Bits

    constexpr SmallWord() = default;
    constexpr explicit SmallWord(unsigned any) : number(any & kAll) {}

    [[nodiscard]] constexpr int as_signed() const {
        return number > kAll / 2 ? static_cast<int>(number) - static_cast<int>(kAll) - 1
                                 : static_cast<int>(number);
    }
    [[nodiscard]] constexpr SmallWord extended(unsigned count) const { // the low bits, with sign
        const unsigned low = number & ((1U << count) - 1);
        const bool negative = (low >> (count - 1)) != 0;
        return SmallWord(negative ? low | ~((1U << count) - 1) : low);
    }

    friend constexpr SmallWord operator+(SmallWord a, SmallWord b) {
        return SmallWord(a.number + b.number);
    }
    friend constexpr SmallWord operator-(SmallWord a, SmallWord b) {
        return SmallWord(a.number - b.number);
    }
    friend constexpr SmallWord operator*(SmallWord a, SmallWord b) {
        return SmallWord(a.number * b.number);
    }
    friend constexpr SmallWord operator&(SmallWord a, SmallWord b) {
        return SmallWord(a.number & b.number);
    }
    friend constexpr SmallWord operator|(SmallWord a, SmallWord b) {
        return SmallWord(a.number | b.number);
    }
    friend constexpr SmallWord operator^(SmallWord a, SmallWord b) {
        return SmallWord(a.number ^ b.number);
    }

    friend constexpr SmallWord zero(SmallWord) { return SmallWord(0); }
    friend constexpr bool is_zero(SmallWord a) { return a.number == 0; }
    friend constexpr bool any(SmallWord a) { return a.number != 0; }
    friend constexpr SmallWord select(bool condition, SmallWord yes, SmallWord no) {
        return condition ? yes : no;
    }
    friend constexpr bool eq(SmallWord a, SmallWord b) { return a.number == b.number; }
    friend constexpr bool ne(SmallWord a, SmallWord b) { return a.number != b.number; }
    friend constexpr bool ult(SmallWord a, SmallWord b) { return a.number < b.number; }
    friend constexpr bool ule(SmallWord a, SmallWord b) { return a.number <= b.number; }
    friend constexpr bool slt(SmallWord a, SmallWord b) { return a.as_signed() < b.as_signed(); }
    friend constexpr bool sle(SmallWord a, SmallWord b) { return a.as_signed() <= b.as_signed(); }
    friend constexpr SmallWord udiv(SmallWord a, SmallWord b) {
        return SmallWord(b.number == 0 ? 0 : a.number / b.number);
    }
    friend constexpr SmallWord umod(SmallWord a, SmallWord b) {
        return SmallWord(b.number == 0 ? 0 : a.number % b.number);
    }
    friend constexpr SmallWord sdiv(SmallWord a, SmallWord b) {
        return SmallWord(b.number == 0 ? 0U : static_cast<unsigned>(a.as_signed() / b.as_signed()));
    }
    friend constexpr SmallWord smod(SmallWord a, SmallWord b) {
        return SmallWord(b.number == 0 ? 0U : static_cast<unsigned>(a.as_signed() % b.as_signed()));
    }
    friend constexpr SmallWord shl(SmallWord a, SmallWord b) {
        return SmallWord(a.number << (b.number % Bits));
    }
    friend constexpr SmallWord shr(SmallWord a, SmallWord b) {
        return SmallWord(a.number >> (b.number % Bits));
    }
    friend constexpr SmallWord sar(SmallWord a, SmallWord b) {
        return SmallWord(static_cast<unsigned>(a.as_signed() >> (b.number % Bits)));
    }
    // Widths above the word's own leave it as it is, as in spec/word.hpp.
    friend constexpr SmallWord sext8(SmallWord a) { return a; }
    friend constexpr SmallWord sext16(SmallWord a) { return a; }
    friend constexpr SmallWord sext32(SmallWord a) { return a; }
    friend constexpr SmallWord zext16(SmallWord a) { return a; }
    friend constexpr SmallWord zext32(SmallWord a) { return a; }
    friend constexpr SmallWord swap16(SmallWord a) { return a; } // no bytes: not compared
    friend constexpr SmallWord swap32(SmallWord a) { return a; }
    friend constexpr SmallWord swap64(SmallWord a) { return a; }
};

static_assert(spec::apply<spec::AluOp::sdiv>(SmallWord<4>(8), SmallWord<4>(15)).number == 8);
static_assert(spec::apply<spec::AluOp::arsh>(SmallWord<4>(8), SmallWord<4>(5)).number == 12);
static_assert(SmallWord<4>(2).extended(2).number == 14);

} // namespace skep::tests::soundness
