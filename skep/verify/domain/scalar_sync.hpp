// SPDX-License-Identifier: Apache-2.0
//
// How the five sets of a Scalar tighten each other. Included by scalar.hpp alone.
//
// Each step replaces one set by its intersection with something that is known to hold the number,
// so that no member is ever lost. The order matters for equality with Linux, not for soundness.
#pragma once

#include <bit>
#include <optional>

#include "skep/verify/domain/scalar.hpp"

namespace skep::verify {

namespace sync {

// The least and greatest member of the bits, read as unsigned and as signed.
template <unsigned Bits>
constexpr void intervals_within_bits(const Tnum<Bits>& bits, UnsignedInterval<Bits>& u,
                                     SignedInterval<Bits>& s) {
    using W = BitWidth<Bits>;
    using Number = typename W::Unsigned;
    const auto least = static_cast<Number>(bits.value | (bits.mask & W::kSignBit));
    const auto greatest = static_cast<Number>(
        bits.value | (bits.mask & static_cast<Number>(W::kUnsignedMax & ~W::kSignBit)));
    s = s.meet({W::as_signed(least), W::as_signed(greatest)});
    u = u.meet({bits.least(), bits.greatest()});
}

// Unsigned and signed views of one number. When an interval does not cross the place where the
// other view wraps, its ends are ends there too. When both cross, their sets are two pieces each;
// if only one pair of pieces overlaps, that piece bounds both.
template <unsigned Bits>
constexpr void exchange_signs(UnsignedInterval<Bits>& u, SignedInterval<Bits>& s) {
    using W = BitWidth<Bits>;
    if (W::as_signed(u.min) <= W::as_signed(u.max)) {
        s = s.meet({W::as_signed(u.min), W::as_signed(u.max)});
    }
    if (W::as_unsigned(s.min) <= W::as_unsigned(s.max)) {
        u = u.meet({W::as_unsigned(s.min), W::as_unsigned(s.max)});
    } else if (u.max < W::as_unsigned(s.min)) {
        s.min = std::max(s.min, W::as_signed(u.min)); // only the non-negative piece
        u.max = std::min(u.max, W::as_unsigned(s.max));
    } else if (W::as_unsigned(s.max) < u.min) {
        s.max = std::min(s.max, W::as_signed(u.max)); // only the negative piece
        u.min = std::max(u.min, W::as_unsigned(s.min));
    }
}

// The low half of an interval of wide numbers from `first` to `last` (their bits). With one upper
// half in common, the low halves run from the one to the other. With adjacent upper halves they run
// through the wrap, which is a plain signed range when it goes through zero.
template <unsigned Bits>
constexpr void low_from_wide(typename BitWidth<Bits>::Unsigned first,
                             typename BitWidth<Bits>::Unsigned last, BasicScalar<Bits>& scalar) {
    using H = BitWidth<Bits / 2>;
    const auto low_first = H::trimmed(first);
    const auto low_last = H::trimmed(last);
    const auto signed_first = H::as_signed(low_first);
    const auto signed_last = H::as_signed(low_last);
    const auto high_first = H::trimmed(first >> (Bits / 2));
    const auto high_last = H::trimmed(last >> (Bits / 2));
    if (high_first == high_last) {
        if (low_first <= low_last) {
            scalar.u_low = scalar.u_low.meet({low_first, low_last});
        }
        if (signed_first <= signed_last) {
            scalar.s_low = scalar.s_low.meet({signed_first, signed_last});
        }
    } else if (H::trimmed(std::uint64_t{high_first} + 1) == high_last && signed_first < 0 &&
               signed_last >= 0) {
        scalar.s_low = scalar.s_low.meet({signed_first, signed_last});
    }
}

// The ends of the wide intervals with their low halves replaced by the ends of the low interval:
// the number is between them too. A number that is a sign-extended half is that half when the half
// is not negative.
template <unsigned Bits>
constexpr void wide_from_low(BasicScalar<Bits>& scalar) {
    using W = BitWidth<Bits>;
    using H = BitWidth<Bits / 2>;
    using Number = typename W::Unsigned;
    constexpr auto upper = static_cast<Number>(~Number{H::kUnsignedMax});
    const auto replaced = [](Number number, typename H::Unsigned low) {
        return static_cast<Number>((number & upper) | low);
    };
    scalar.u = scalar.u.meet(
        {replaced(scalar.u.min, scalar.u_low.min), replaced(scalar.u.max, scalar.u_low.max)});
    scalar.s =
        scalar.s.meet({W::as_signed(replaced(W::as_unsigned(scalar.s.min), scalar.u_low.min)),
                       W::as_signed(replaced(W::as_unsigned(scalar.s.max), scalar.u_low.max))});
    if (scalar.s_low.min >= 0 && scalar.s.min >= H::kSignedMin && scalar.s.max <= H::kSignedMax) {
        scalar.s = scalar.s.meet({scalar.s_low.min, scalar.s_low.max});
        scalar.u = scalar.u.meet(
            {static_cast<Number>(scalar.s_low.min), static_cast<Number>(scalar.s_low.max)});
        scalar.bits = scalar.bits.meet(Tnum<Bits>::of_range(static_cast<Number>(scalar.s_low.min),
                                                            static_cast<Number>(scalar.s_low.max)));
    }
}

template <unsigned Bits>
constexpr void deduce(BasicScalar<Bits>& scalar) {
    using W = BitWidth<Bits>;
    low_from_wide<Bits>(scalar.u.min, scalar.u.max, scalar);
    low_from_wide<Bits>(W::as_unsigned(scalar.s.min), W::as_unsigned(scalar.s.max), scalar);
    exchange_signs<Bits / 2>(scalar.u_low, scalar.s_low);
    exchange_signs<Bits>(scalar.u, scalar.s);
    wide_from_low(scalar);
}

// The least number from `from` on that has the bits; nothing when there is none.
template <unsigned Bits>
constexpr std::optional<typename BitWidth<Bits>::Unsigned>
member_from(const Tnum<Bits>& bits, typename BitWidth<Bits>::Unsigned from) {
    using Number = typename BitWidth<Bits>::Unsigned;
    const auto fixed = static_cast<Number>(~bits.mask);
    const auto wrong = static_cast<Number>((from & fixed) ^ bits.value);
    if (wrong == 0) {
        return from;
    }
    // Everything from the highest wrong bit down begins anew; when that bit is to be 0, what stands
    // above it counts on by one.
    const unsigned highest = static_cast<unsigned>(std::bit_width(wrong)) - 1;
    const auto below = static_cast<Number>((Number{2} << highest) - 1);
    const auto low = static_cast<Number>(bits.value & below);
    if ((bits.value >> highest & 1U) != 0) {
        return static_cast<Number>((from & ~below) | low);
    }
    const auto counted = static_cast<Number>((from | fixed | below) + 1);
    if (counted == 0) {
        return std::nullopt;
    }
    return static_cast<Number>((counted & bits.mask & ~below) | bits.value);
}

// When only one number with these bits lies between the unsigned ends, it is that one.
template <unsigned Bits>
constexpr void pick_the_only_one(BasicScalar<Bits>& scalar) {
    using W = BitWidth<Bits>;
    using H = BitWidth<Bits / 2>;
    using Number = typename W::Unsigned;
    const Tnum<Bits>& bits = scalar.bits;
    const auto& u = scalar.u;
    const bool has_all = u.min <= bits.least() && u.max >= bits.greatest();
    if (bits.is_constant() || has_all || u.min > u.max) {
        return;
    }
    const std::optional<Number> first = member_from<Bits>(bits, u.min);
    if (!first.has_value() || *first > u.max) {
        return; // none: the sets contradict each other, which shows elsewhere
    }
    if (*first != u.max) {
        const std::optional<Number> second =
            member_from<Bits>(bits, static_cast<Number>(*first + 1));
        if (second.has_value() && *second <= u.max) {
            return;
        }
    }
    scalar.bits = Tnum<Bits>::constant(*first);
    scalar.u = {*first, *first};
    scalar.s = scalar.s.meet({W::as_signed(*first), W::as_signed(*first)});
    const auto low = H::trimmed(*first);
    scalar.u_low = scalar.u_low.meet({low, low});
    scalar.s_low = scalar.s_low.meet({H::as_signed(low), H::as_signed(low)});
}

// All four intervals are one, within the non-negative numbers of the low half: they say nothing to
// each other, and all that the bits can still learn is that interval.
template <unsigned Bits>
constexpr bool is_one_interval(const BasicScalar<Bits>& scalar) {
    using H = BitWidth<Bits / 2>;
    const auto& low = scalar.s_low;
    if (low.min < 0 || low.min > low.max) {
        return false;
    }
    const auto min = static_cast<typename H::Unsigned>(low.min);
    const auto max = static_cast<typename H::Unsigned>(low.max);
    return scalar.u_low.min == min && scalar.u_low.max == max && scalar.u.min == min &&
           scalar.u.max == max && scalar.s.min == low.min && scalar.s.max == low.max;
}

template <unsigned Bits>
constexpr void exchange(BasicScalar<Bits>& scalar) {
    constexpr int kRounds = 3;
    for (int round = 0; round < kRounds; ++round) {
        const BasicScalar<Bits> before = scalar;
        deduce(scalar);
        if (scalar == before) {
            break; // and so would the next round leave it
        }
    }
    if (scalar.is_bottom()) {
        return;
    }
    constexpr unsigned kHalf = Bits / 2;
    const Tnum<Bits> whole = scalar.bits.meet(Tnum<Bits>::of_range(scalar.u.min, scalar.u.max));
    const Tnum<kHalf> low = whole.template resized<kHalf>().meet(
        Tnum<kHalf>::of_range(scalar.u_low.min, scalar.u_low.max));
    scalar.bits = whole.with_low(low);
}

template <unsigned Bits>
constexpr void intervals_tighten(BasicScalar<Bits>& scalar) {
    intervals_within_bits<Bits / 2>(scalar.bits.template resized<Bits / 2>(), scalar.u_low,
                                    scalar.s_low);
    intervals_within_bits<Bits>(scalar.bits, scalar.u, scalar.s);
    pick_the_only_one(scalar);
}

} // namespace sync

template <unsigned Bits>
constexpr void BasicScalar<Bits>::synchronise() {
    if (bits.is_constant()) { // nothing is left to learn, and this is the commonest case
        const Low low = H::trimmed(bits.value);
        const bool consistent = contains(bits.value);
        if (consistent) {
            u = {bits.value, bits.value};
            s = {W::as_signed(bits.value), W::as_signed(bits.value)};
            u_low = {low, low};
            s_low = {H::as_signed(low), H::as_signed(low)};
            return;
        }
    }
    sync::intervals_tighten(*this);
    if (sync::is_one_interval(*this)) { // numbers of a few bits, mostly: what loads give
        bits = bits.meet(Tnum<Bits>::of_range(u.min, u.max));
    } else {
        sync::exchange(*this);
    }
    if (!is_bottom()) {
        sync::intervals_tighten(*this);
    }
}

template <unsigned Bits>
constexpr void BasicScalar<Bits>::intervals_from_bits() {
    forget_wide_intervals();
    forget_low_intervals();
    synchronise();
}

template <unsigned Bits>
constexpr BasicScalar<Bits> BasicScalar<Bits>::constant(Number number) {
    const Low low = H::trimmed(number);
    return {Tnum<Bits>::constant(number),
            {number, number},
            {W::as_signed(number), W::as_signed(number)},
            {low, low},
            {H::as_signed(low), H::as_signed(low)}};
}

template <unsigned Bits>
constexpr BasicScalar<Bits> BasicScalar<Bits>::unsigned_range(Number min, Number max) {
    BasicScalar scalar;
    scalar.u = {min, max};
    scalar.synchronise();
    return scalar;
}

template <unsigned Bits>
constexpr BasicScalar<Bits> BasicScalar<Bits>::signed_range(Signed min, Signed max) {
    BasicScalar scalar;
    scalar.s = {min, max};
    scalar.synchronise();
    return scalar;
}

template <unsigned Bits>
constexpr BasicScalar<Bits> BasicScalar<Bits>::of_bits(unsigned count) {
    BasicScalar scalar;
    scalar.keep_low_bits(count);
    return scalar;
}

template <unsigned Bits>
constexpr void BasicScalar<Bits>::zero_extend_low() {
    bits = bits.template resized<kHalf>().template resized<Bits>();
    u = {u_low.min, u_low.max};
    if (s_low.min >= 0) {
        s = {s_low.min, s_low.max};
    } else {
        s = {0, static_cast<Signed>(H::kUnsignedMax)};
    }
    synchronise();
}

template <unsigned Bits>
constexpr void BasicScalar<Bits>::keep_low_bits(unsigned count) {
    if (count >= Bits) {
        return;
    }
    const auto kept = static_cast<Number>((Number{1} << count) - 1);
    const auto dropped = static_cast<Number>(~kept);
    bits = {static_cast<Number>(bits.value & kept), static_cast<Number>(bits.mask & kept)};
    if ((u.min & dropped) == (u.max & dropped)) {
        u = {static_cast<Number>(u.min & kept), static_cast<Number>(u.max & kept)};
    } else {
        u = {0, kept};
    }
    s = {static_cast<Signed>(u.min), static_cast<Signed>(u.max)};
    if (count < kHalf) {
        u_low = {static_cast<Low>(u.min), static_cast<Low>(u.max)};
        s_low = {static_cast<SignedLow>(u.min), static_cast<SignedLow>(u.max)};
    }
    synchronise();
}

} // namespace skep::verify
