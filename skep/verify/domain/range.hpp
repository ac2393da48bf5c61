// SPDX-License-Identifier: Apache-2.0
//
// Interval: all numbers from `min` to `max`, both included. Empty when min > max.
//
// A number has four: read as unsigned and as signed, in all its bits and in its low half. They say
// different things (a small negative number is a huge unsigned one), and scalar.hpp keeps them in
// step.
#pragma once

#include <algorithm>

#include "skep/verify/domain/bit_width.hpp"

namespace skep::verify {

template <class Number>
struct Interval {
    Number min{};
    Number max{};

    constexpr bool operator==(const Interval&) const = default;

    [[nodiscard]] constexpr bool is_empty() const { return min > max; }
    [[nodiscard]] constexpr bool is_constant() const { return min == max; }
    [[nodiscard]] constexpr bool contains(Number number) const {
        return min <= number && number <= max;
    }
    [[nodiscard]] constexpr bool includes(const Interval& inner) const {
        return min <= inner.min && inner.max <= max;
    }
    [[nodiscard]] constexpr bool disjoint(const Interval& other) const {
        return max < other.min || other.max < min;
    }
    [[nodiscard]] constexpr Interval meet(const Interval& other) const {
        return {std::max(min, other.min), std::min(max, other.max)};
    }
    [[nodiscard]] constexpr Interval join(const Interval& other) const {
        return {std::min(min, other.min), std::max(max, other.max)};
    }
};

template <unsigned Bits>
using UnsignedInterval = Interval<typename BitWidth<Bits>::Unsigned>;
template <unsigned Bits>
using SignedInterval = Interval<typename BitWidth<Bits>::Signed>;

template <unsigned Bits>
constexpr UnsignedInterval<Bits> every_unsigned() {
    return {0, BitWidth<Bits>::kUnsignedMax};
}
template <unsigned Bits>
constexpr SignedInterval<Bits> every_signed() {
    return {BitWidth<Bits>::kSignedMin, BitWidth<Bits>::kSignedMax};
}

} // namespace skep::verify
