// SPDX-License-Identifier: Apache-2.0
//
// What the operations of the instruction set do to sets of numbers.
//
// A Piece is a number in one width: its bits and its two intervals. Most operations are carried out
// twice, on the whole number and on its low half, because the low half of the result depends on the
// low halves of the operands alone; combined() puts the two together again. Shifts to the right and
// divisions move upper bits down, so that the low half is taken from the whole.
//
// Each function returns a set that holds every concrete result of members; the argument stands
// above it. Bounds follow spec/verifier.md, section 3.
//
// Proved by: tests/soundness/domain (every pair of sets at four bits, random ones at full width,
// against the table); transfer/arithmetic_test.cpp (the same at eight bits).
#pragma once

#include "skep/verify/domain/scalar.hpp"

namespace skep::verify {

template <unsigned Bits>
struct Piece {
    using W = BitWidth<Bits>;
    using Number = typename W::Unsigned;
    using Signed = typename W::Signed;

    Tnum<Bits> bits;
    UnsignedInterval<Bits> u = every_unsigned<Bits>();
    SignedInterval<Bits> s = every_signed<Bits>();

    static constexpr Piece top() { return {}; }
    static constexpr Piece constant(Number number) {
        return {Tnum<Bits>::constant(number),
                {number, number},
                {W::as_signed(number), W::as_signed(number)}};
    }
    [[nodiscard]] constexpr bool is_constant() const { return bits.is_constant(); }
};

template <unsigned Bits>
constexpr Piece<Bits> whole(const BasicScalar<Bits>& scalar) {
    return {scalar.bits, scalar.u, scalar.s};
}
template <unsigned Bits>
constexpr Piece<Bits / 2> low_half(const BasicScalar<Bits>& scalar) {
    return {scalar.bits.template resized<Bits / 2>(), scalar.u_low, scalar.s_low};
}

// The number whose whole is `wide` and of whose low half `low` is known as well.
template <unsigned Bits>
constexpr BasicScalar<Bits> combined(const Piece<Bits>& wide, const Piece<Bits / 2>& low) {
    BasicScalar<Bits> result{wide.bits, wide.u, wide.s, low.u, low.s};
    result.synchronise();
    return result;
}
// The number whose low half is `low` and whose upper half is zero (RFC 9669, 4.1).
template <unsigned Bits>
constexpr BasicScalar<Bits> zero_extended(const Piece<Bits / 2>& low) {
    BasicScalar<Bits> result{low.bits.template resized<Bits>(), every_unsigned<Bits>(),
                             every_signed<Bits>(), low.u, low.s};
    result.zero_extend_low();
    return result;
}

namespace operations {

// Whether two numbers' exact sum (difference) leaves the width, and the wrapped result.
template <unsigned Bits, class Number>
struct Wrapped {
    Number number{};
    bool overflowed = false;
};
template <unsigned Bits, class Number>
constexpr Wrapped<Bits, Number> add_ends(Number a, Number b) {
    __extension__ using Wide = __int128;
    const Wide exact = static_cast<Wide>(a) + static_cast<Wide>(b);
    constexpr bool is_signed = std::is_signed_v<Number>;
    const auto trimmed = BitWidth<Bits>::trimmed(static_cast<std::uint64_t>(exact));
    if constexpr (is_signed) {
        const Number wrapped = BitWidth<Bits>::as_signed(trimmed);
        return {wrapped, static_cast<Wide>(wrapped) != exact};
    } else {
        return {trimmed, static_cast<Wide>(trimmed) != exact};
    }
}
template <unsigned Bits, class Number>
constexpr Wrapped<Bits, Number> subtract_ends(Number a, Number b) {
    __extension__ using Wide = __int128;
    const Wide exact = static_cast<Wide>(a) - static_cast<Wide>(b);
    const auto trimmed = BitWidth<Bits>::trimmed(static_cast<std::uint64_t>(exact));
    if constexpr (std::is_signed_v<Number>) {
        const Number wrapped = BitWidth<Bits>::as_signed(trimmed);
        return {wrapped, static_cast<Wide>(wrapped) != exact};
    } else {
        return {trimmed, static_cast<Wide>(trimmed) != exact};
    }
}

// Both ends wrapped, or neither: then every number between them did the same, and the wrapped
// interval is again one. Otherwise anything may come out.
template <unsigned Bits, class Number>
constexpr Interval<Number> wrapped_interval(Wrapped<Bits, Number> low, Wrapped<Bits, Number> high,
                                            Interval<Number> everything) {
    return low.overflowed == high.overflowed ? Interval<Number>{low.number, high.number}
                                             : everything;
}

// In the signed view both ends may have left the width on different sides; then low > high.
template <unsigned Bits, class Number>
constexpr Interval<Number> or_everything(Interval<Number> interval, Interval<Number> everything) {
    return interval.is_empty() ? everything : interval;
}

template <unsigned Bits>
constexpr Piece<Bits> add(const Piece<Bits>& a, const Piece<Bits>& b) {
    return {a.bits.plus(b.bits),
            or_everything<Bits>(wrapped_interval<Bits>(add_ends<Bits>(a.u.min, b.u.min),
                                                       add_ends<Bits>(a.u.max, b.u.max),
                                                       every_unsigned<Bits>()),
                                every_unsigned<Bits>()),
            or_everything<Bits>(wrapped_interval<Bits>(add_ends<Bits>(a.s.min, b.s.min),
                                                       add_ends<Bits>(a.s.max, b.s.max),
                                                       every_signed<Bits>()),
                                every_signed<Bits>())};
}

template <unsigned Bits>
constexpr Piece<Bits> subtract(const Piece<Bits>& a, const Piece<Bits>& b) {
    return {a.bits.minus(b.bits),
            or_everything<Bits>(wrapped_interval<Bits>(subtract_ends<Bits>(a.u.min, b.u.max),
                                                       subtract_ends<Bits>(a.u.max, b.u.min),
                                                       every_unsigned<Bits>()),
                                every_unsigned<Bits>()),
            or_everything<Bits>(wrapped_interval<Bits>(subtract_ends<Bits>(a.s.min, b.s.max),
                                                       subtract_ends<Bits>(a.s.max, b.s.min),
                                                       every_signed<Bits>()),
                                every_signed<Bits>())};
}

template <unsigned Bits>
constexpr Piece<Bits> negate(const Piece<Bits>& a) {
    return subtract(Piece<Bits>::constant(0), a);
}

// Products are monotonic in each operand of fixed sign, so the extremes are at the corners, as long
// as no corner leaves the width.
template <unsigned Bits>
constexpr Piece<Bits> multiply(const Piece<Bits>& a, const Piece<Bits>& b) {
    __extension__ using Wide = __int128;
    __extension__ using UnsignedWide = unsigned __int128;
    Piece<Bits> result;
    result.bits = a.bits.times(b.bits);
    using P = Piece<Bits>;
    const UnsignedWide greatest = static_cast<UnsignedWide>(a.u.max) * b.u.max;
    if (greatest <= BitWidth<Bits>::kUnsignedMax) {
        result.u = {static_cast<typename P::Number>(std::uint64_t{a.u.min} * b.u.min),
                    static_cast<typename P::Number>(greatest)};
    }
    const Wide corners[] = {
        static_cast<Wide>(a.s.min) * b.s.min, static_cast<Wide>(a.s.min) * b.s.max,
        static_cast<Wide>(a.s.max) * b.s.min, static_cast<Wide>(a.s.max) * b.s.max};
    const Wide low = std::min(std::min(corners[0], corners[1]), std::min(corners[2], corners[3]));
    const Wide high = std::max(std::max(corners[0], corners[1]), std::max(corners[2], corners[3]));
    if (low >= BitWidth<Bits>::kSignedMin && high <= BitWidth<Bits>::kSignedMax) {
        result.s = {static_cast<typename P::Signed>(low), static_cast<typename P::Signed>(high)};
    }
    return result;
}

// An unsigned interval that does not cross the sign says as much when read as signed.
template <unsigned Bits>
constexpr void signed_from_unsigned(Piece<Bits>& piece) {
    using W = BitWidth<Bits>;
    if (W::as_signed(piece.u.min) <= W::as_signed(piece.u.max)) {
        piece.s = {W::as_signed(piece.u.min), W::as_signed(piece.u.max)};
    }
}

// `and` only clears bits: never above either operand, never below its certain ones.
template <unsigned Bits>
constexpr Piece<Bits> bit_and(const Piece<Bits>& a, const Piece<Bits>& b) {
    Piece<Bits> result;
    result.bits = a.bits.bit_and(b.bits);
    result.u = {result.bits.least(), std::min(a.u.max, b.u.max)};
    signed_from_unsigned(result);
    return result;
}
// `or` only sets bits: never below either operand, never above its possible ones.
template <unsigned Bits>
constexpr Piece<Bits> bit_or(const Piece<Bits>& a, const Piece<Bits>& b) {
    Piece<Bits> result;
    result.bits = a.bits.bit_or(b.bits);
    result.u = {std::max(a.u.min, b.u.min), result.bits.greatest()};
    signed_from_unsigned(result);
    return result;
}
template <unsigned Bits>
constexpr Piece<Bits> bit_xor(const Piece<Bits>& a, const Piece<Bits>& b) {
    Piece<Bits> result;
    result.bits = a.bits.bit_xor(b.bits);
    result.u = {result.bits.least(), result.bits.greatest()};
    signed_from_unsigned(result);
    return result;
}

// Shifts by a known amount below the width. To the left, ends stay ends while no bit is lost; where
// the greatest may set the uppermost bit and more, Linux knows nothing any longer, and nor do we.
template <unsigned Bits>
constexpr Piece<Bits> shift_left(const Piece<Bits>& a, unsigned amount) {
    using P = Piece<Bits>;
    Piece<Bits> result;
    result.bits = a.bits.shifted_left(amount);
    if (a.u.max <= static_cast<typename P::Number>(BitWidth<Bits>::kSignBit >> amount)) {
        result.u = {static_cast<typename P::Number>(a.u.min << amount),
                    static_cast<typename P::Number>(a.u.max << amount)};
    }
    return result;
}
template <unsigned Bits>
constexpr Piece<Bits> shift_right(const Piece<Bits>& a, unsigned amount) {
    using P = Piece<Bits>;
    Piece<Bits> result;
    result.bits = a.bits.shifted_right(amount);
    result.u = {static_cast<typename P::Number>(a.u.min >> amount),
                static_cast<typename P::Number>(a.u.max >> amount)};
    return result;
}
template <unsigned Bits>
constexpr Piece<Bits> shift_right_signed(const Piece<Bits>& a, unsigned amount) {
    using P = Piece<Bits>;
    Piece<Bits> result;
    result.bits = a.bits.shifted_right_signed(amount);
    result.s = {static_cast<typename P::Signed>(a.s.min >> amount),
                static_cast<typename P::Signed>(a.s.max >> amount)};
    return result;
}

// The low `count` bits read as signed. When the ends agree in all bits above, the numbers between
// them do too, and run from the one to the other unless the sign bit changes on the way.
template <unsigned Bits>
constexpr Piece<Bits> sign_extend(const Piece<Bits>& a, unsigned count) {
    using W = BitWidth<Bits>;
    using P = Piece<Bits>;
    if (count >= Bits) {
        return a;
    }
    const auto extended = [count](typename P::Number number) {
        const auto up = static_cast<std::int64_t>(std::uint64_t{number} << (64 - count));
        return static_cast<typename P::Signed>(up >> (64 - count));
    };
    if (a.is_constant()) {
        return Piece<Bits>::constant(W::as_unsigned(extended(a.bits.value)));
    }
    Piece<Bits> result;
    const auto first = extended(W::as_unsigned(a.s.min));
    const auto last = extended(W::as_unsigned(a.s.max));
    if ((a.s.min >> count) == (a.s.max >> count) && (first < 0) == (last < 0)) {
        result.s = {std::min(first, last), std::max(first, last)};
    } else {
        const auto greatest = static_cast<typename P::Signed>((std::int64_t{1} << (count - 1)) - 1);
        result.s = {static_cast<typename P::Signed>(-greatest - 1), greatest};
    }
    return result;
}

} // namespace operations

} // namespace skep::verify
