// SPDX-License-Identifier: Apache-2.0
//
// Tnum: what is known about each bit of a number.
//
// A bit is 0, 1, or unknown. `mask` has the unknown bits; `value` has the known ones among the rest
// (value & mask == 0). The set it stands for is { x : (x & ~mask) == value }.
//
// Addition, subtraction and the bitwise operations follow Vishwanathan, Shachnai, Narayana and
// Nagarakatte, "Sound, Precise, and Fast Abstract Interpretation with Tristate Numbers" (CGO 2022),
// which proves that they contain every concrete result and that none can be tighter.
//
// Proved by: tnum_test.cpp (every pair at four bits against the instruction table).
#pragma once

#include <bit>

#include "skep/verify/domain/bit_width.hpp"

namespace skep::verify {

template <unsigned Bits>
struct Tnum {
    using W = BitWidth<Bits>;
    using Number = typename W::Unsigned;

    Number value = 0;
    Number mask = W::kUnsignedMax;

    constexpr bool operator==(const Tnum&) const = default;

    static constexpr Tnum top() { return {}; }
    static constexpr Tnum constant(Number number) { return {number, 0}; }

    [[nodiscard]] constexpr bool is_constant() const { return mask == 0; }
    [[nodiscard]] constexpr bool is_top() const { return mask == W::kUnsignedMax; }
    [[nodiscard]] constexpr bool contains(Number number) const {
        return static_cast<Number>(number & static_cast<Number>(~mask)) == value;
    }
    // Every number of `inner` is one of ours.
    [[nodiscard]] constexpr bool includes(const Tnum& inner) const {
        return (inner.mask & static_cast<Number>(~mask)) == 0 &&
               static_cast<Number>(inner.value & static_cast<Number>(~mask)) == value;
    }
    // No number is in both: a bit known in both differs.
    [[nodiscard]] constexpr bool disjoint(const Tnum& other) const {
        const auto both = static_cast<Number>(~(mask | other.mask));
        return ((value ^ other.value) & both) != 0;
    }
    [[nodiscard]] constexpr Number least() const { return value; }
    [[nodiscard]] constexpr Number greatest() const { return static_cast<Number>(value | mask); }

    // The smallest set of the kind that holds [min, max]: the bits above the highest differing one.
    static constexpr Tnum of_range(Number min, Number max) {
        const auto differing = static_cast<std::uint64_t>(min ^ max);
        const unsigned low = 64U - static_cast<unsigned>(std::countl_zero(differing));
        const std::uint64_t delta = low == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << low) - 1;
        return {W::trimmed(min & ~delta), W::trimmed(delta)};
    }
    // Numbers in both; when the two contradict each other, a subset of one of them.
    [[nodiscard]] constexpr Tnum meet(const Tnum& other) const {
        const auto known = static_cast<Number>(value | other.value);
        const auto unknown = static_cast<Number>(mask & other.mask);
        return {static_cast<Number>(known & static_cast<Number>(~unknown)), unknown};
    }
    // The least set that holds both.
    [[nodiscard]] constexpr Tnum join(const Tnum& other) const {
        const auto unknown = static_cast<Number>(mask | other.mask | (value ^ other.value));
        return {static_cast<Number>(value & static_cast<Number>(~unknown)), unknown};
    }

    // A carry can reach exactly the bits where the sum of the greatest members differs from the sum
    // of the least.
    [[nodiscard]] constexpr Tnum plus(const Tnum& other) const {
        const Number values = W::trimmed(std::uint64_t{value} + other.value);
        const Number masks = W::trimmed(std::uint64_t{mask} + other.mask);
        const Number sum = W::trimmed(std::uint64_t{values} + masks);
        return with_unknown(values, static_cast<Number>((sum ^ values) | mask | other.mask));
    }
    [[nodiscard]] constexpr Tnum minus(const Tnum& other) const {
        const Number difference = W::trimmed(std::uint64_t{value} - other.value);
        const Number high = W::trimmed(std::uint64_t{difference} + mask);
        const Number low = W::trimmed(std::uint64_t{difference} - other.mask);
        return with_unknown(difference, static_cast<Number>((high ^ low) | mask | other.mask));
    }
    [[nodiscard]] constexpr Tnum bit_and(const Tnum& other) const {
        const auto ones = static_cast<Number>(value & other.value);
        const auto possible = static_cast<Number>(greatest() & other.greatest());
        return {ones, static_cast<Number>(possible & static_cast<Number>(~ones))};
    }
    [[nodiscard]] constexpr Tnum bit_or(const Tnum& other) const {
        const auto ones = static_cast<Number>(value | other.value);
        return {ones, static_cast<Number>((mask | other.mask) & static_cast<Number>(~ones))};
    }
    [[nodiscard]] constexpr Tnum bit_xor(const Tnum& other) const {
        return with_unknown(static_cast<Number>(value ^ other.value),
                            static_cast<Number>(mask | other.mask));
    }
    [[nodiscard]] constexpr Tnum negated() const { return constant(0).minus(*this); }

    // Long multiplication: a multiplier bit that is 1 adds the shifted multiplicand, an unknown one
    // may or may not, so that both outcomes are joined.
    [[nodiscard]] constexpr Tnum times(const Tnum& other) const {
        Tnum sum = constant(0);
        Tnum multiplier = *this;
        Tnum multiplicand = other;
        while (multiplier.value != 0 || multiplier.mask != 0) {
            if ((multiplier.value & 1U) != 0) {
                sum = sum.plus(multiplicand);
            } else if ((multiplier.mask & 1U) != 0) {
                sum = sum.join(sum.plus(multiplicand));
            }
            multiplier = multiplier.shifted_right(1);
            multiplicand = multiplicand.shifted_left(1);
        }
        return sum;
    }

    // Shifts by a known amount below the width; what comes in is known.
    [[nodiscard]] constexpr Tnum shifted_left(unsigned amount) const {
        return {W::trimmed(std::uint64_t{value} << amount),
                W::trimmed(std::uint64_t{mask} << amount)};
    }
    [[nodiscard]] constexpr Tnum shifted_right(unsigned amount) const {
        return {static_cast<Number>(value >> amount), static_cast<Number>(mask >> amount)};
    }
    // The sign comes in: known when it was known.
    [[nodiscard]] constexpr Tnum shifted_right_signed(unsigned amount) const {
        const auto shift = [amount](Number number) {
            return W::as_unsigned(static_cast<typename W::Signed>(W::as_signed(number) >> amount));
        };
        return {shift(value), shift(mask)};
    }

    // The low `To` bits; or the same number in more bits, the new ones zero.
    template <unsigned To>
    [[nodiscard]] constexpr Tnum<To> resized() const {
        return {BitWidth<To>::trimmed(value), BitWidth<To>::trimmed(mask)};
    }
    // This number with its low half replaced.
    [[nodiscard]] constexpr Tnum with_low(const Tnum<Bits / 2>& low) const requires(Bits > 2) {
        const Number upper = static_cast<Number>(~Number{BitWidth<Bits / 2>::kUnsignedMax});
        return {static_cast<Number>((value & upper) | low.value),
                static_cast<Number>((mask & upper) | low.mask)};
    }

  private:
    static constexpr Tnum with_unknown(Number number, Number unknown) {
        return {static_cast<Number>(number & static_cast<Number>(~unknown)), unknown};
    }
};

} // namespace skep::verify
