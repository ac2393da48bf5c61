// SPDX-License-Identifier: Apache-2.0
//
// Id<Tag>: a number that cannot be mistaken for another kind of number.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace skep {

template <class Tag, class Number = std::uint32_t>
struct Id {
    Number value = 0;

    constexpr Id() = default;
    constexpr explicit Id(Number number) : value(number) {}
    constexpr auto operator<=>(const Id&) const = default;
};

} // namespace skep

template <class Tag, class Number>
struct std::hash<skep::Id<Tag, Number>> {
    std::size_t operator()(skep::Id<Tag, Number> id) const noexcept {
        return std::hash<Number>{}(id.value);
    }
};
