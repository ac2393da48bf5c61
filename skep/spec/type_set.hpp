// SPDX-License-Identifier: Apache-2.0
//
// TypeSet: a set of rows of a small table, as one word. Program types and attach types number fewer
// than 64, which the tables assert.
#pragma once

#include <cstdint>

namespace skep::spec {

template <class Type>
struct TypeSet {
    std::uint64_t bits = 0;

    constexpr TypeSet() = default;
    constexpr explicit TypeSet(std::uint64_t mask) : bits(mask) {}
    constexpr explicit TypeSet(Type type) : bits(1ULL << static_cast<std::uint32_t>(type)) {}

    // Also for a number that is no row: it is in no set.
    [[nodiscard]] constexpr bool contains(Type type) const {
        const auto number = static_cast<std::uint32_t>(type);
        return number < 64 && ((bits >> number) & 1) != 0;
    }
    [[nodiscard]] constexpr bool empty() const { return bits == 0; }

    constexpr TypeSet operator|(TypeSet other) const { return TypeSet(bits | other.bits); }
    constexpr TypeSet operator&(TypeSet other) const { return TypeSet(bits & other.bits); }
    constexpr bool operator==(const TypeSet&) const = default;
};

template <class Type>
constexpr TypeSet<Type> without(TypeSet<Type> set, TypeSet<Type> removed) {
    return TypeSet<Type>(set.bits & ~removed.bits);
}

} // namespace skep::spec
