// SPDX-License-Identifier: Apache-2.0
//
// Scalar: what is known about a number in a register.
//
// The product of five sets, each of which holds the number: its bits (tnum), its interval read as
// unsigned and as signed, and the intervals of its low half read both ways. synchronise() lets each
// tighten the others, in the order that Linux has, so that bounds (and with them verdicts) agree.
//
// The width is a parameter; programs use Scalar, which is 64 bits wide with a low half of 32.
//
// Proved by: scalar_test.cpp (membership is never lost, at eight bits, every member).
#pragma once

#include <array>
#include <bit>
#include <cstddef>

#include "skep/verify/domain/range.hpp"
#include "skep/verify/domain/tnum.hpp"

namespace skep::verify {

template <unsigned Bits>
struct BasicScalar {
    static constexpr unsigned kBits = Bits;
    static constexpr unsigned kHalf = Bits / 2;
    using W = BitWidth<Bits>;
    using H = BitWidth<kHalf>;
    using Number = typename W::Unsigned;
    using Signed = typename W::Signed;
    using Low = typename H::Unsigned;
    using SignedLow = typename H::Signed;

    Tnum<Bits> bits;
    UnsignedInterval<Bits> u = every_unsigned<Bits>();
    SignedInterval<Bits> s = every_signed<Bits>();
    UnsignedInterval<kHalf> u_low = every_unsigned<kHalf>();
    SignedInterval<kHalf> s_low = every_signed<kHalf>();

    constexpr bool operator==(const BasicScalar&) const = default;

    static constexpr BasicScalar top() { return {}; }
    static constexpr BasicScalar constant(Number number);
    // Every number from min to max, read as unsigned or signed.
    static constexpr BasicScalar unsigned_range(Number min, Number max);
    static constexpr BasicScalar signed_range(Signed min, Signed max);
    // Any number of the low `count` bits, the rest zero: what a load of that size gives.
    static constexpr BasicScalar of_bits(unsigned count);

    [[nodiscard]] constexpr bool is_constant() const { return bits.is_constant(); }
    [[nodiscard]] constexpr Number value() const { return bits.value; } // when is_constant()
    [[nodiscard]] constexpr bool is_zero() const { return is_constant() && value() == 0; }
    [[nodiscard]] constexpr bool low_is_constant() const {
        return bits.template resized<kHalf>().is_constant();
    }
    [[nodiscard]] constexpr Low low_value() const { return H::trimmed(bits.value); }
    [[nodiscard]] constexpr bool is_top() const { return *this == top(); }

    [[nodiscard]] constexpr bool contains(Number number) const {
        const Low low = H::trimmed(number);
        return bits.contains(number) && u.contains(number) && s.contains(W::as_signed(number)) &&
               u_low.contains(low) && s_low.contains(H::as_signed(low));
    }
    // Each of our five sets holds the matching one of `inner`.
    [[nodiscard]] constexpr bool includes(const BasicScalar& inner) const {
        return u.includes(inner.u) && s.includes(inner.s) && u_low.includes(inner.u_low) &&
               s_low.includes(inner.s_low) && bits.includes(inner.bits);
    }
    [[nodiscard]] constexpr bool is_bottom() const {
        return u.is_empty() || s.is_empty() || u_low.is_empty() || s_low.is_empty();
    }
    [[nodiscard]] constexpr BasicScalar join(const BasicScalar& other) const {
        return {bits.join(other.bits), u.join(other.u), s.join(other.s), u_low.join(other.u_low),
                s_low.join(other.s_low)};
    }
    // Componentwise; call synchronise() on it.
    [[nodiscard]] constexpr BasicScalar meet(const BasicScalar& other) const {
        return {bits.meet(other.bits), u.meet(other.u), s.meet(other.s), u_low.meet(other.u_low),
                s_low.meet(other.s_low)};
    }

    // Lets the five sets tighten each other. Membership never changes, except that a contradiction
    // (no number is left) may leave any set; `is_bottom` tells the plain cases.
    constexpr void synchronise();
    // Forgets all intervals and takes them from the bits.
    constexpr void intervals_from_bits();
    // The upper half becomes zero.
    constexpr void zero_extend_low();
    // Forgets what is known as intervals of the whole, or of the low half.
    constexpr void forget_wide_intervals() {
        u = every_unsigned<Bits>();
        s = every_signed<Bits>();
    }
    constexpr void forget_low_intervals() {
        u_low = every_unsigned<kHalf>();
        s_low = every_signed<kHalf>();
    }
    // The low `count` bits kept, the rest zero (a narrow load of what was stored).
    constexpr void keep_low_bits(unsigned count);
};

using Scalar = BasicScalar<64>;
using Tnum64 = Tnum<64>;

// Any number of 1, 2, 4 or 8 bytes: what a load of that size gives.
const Scalar& number_of_bytes(unsigned size_bytes);

} // namespace skep::verify

#include "skep/verify/domain/scalar_sync.hpp" // the bodies, which are long

namespace skep::verify {

inline constexpr std::array<Scalar, 4> kNumbersOfBytes{Scalar::of_bits(8), Scalar::of_bits(16),
                                                       Scalar::of_bits(32), Scalar::of_bits(64)};
inline const Scalar& number_of_bytes(unsigned size_bytes) {
    return kNumbersOfBytes.at(static_cast<std::size_t>(std::countr_zero(size_bytes)));
}

} // namespace skep::verify
