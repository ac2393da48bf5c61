// SPDX-License-Identifier: Apache-2.0
#include "tests/soundness/domain/nibble.hpp"

namespace skep::tests::soundness {
namespace {

constexpr int signed_of(unsigned number, unsigned bits) {
    return number >> (bits - 1) != 0 ? static_cast<int>(number) - (1 << bits)
                                     : static_cast<int>(number);
}

// The numbers that one part allows, for each choice of it.
struct PartMembers {
    std::array<std::array<Members, 16>, 16> bits{};         // by value and mask
    std::array<std::array<Members, 16>, 16> u{}, s{};       // by ends; signed ones moved up by 8
    std::array<std::array<Members, 4>, 4> u_low{}, s_low{}; // likewise, by 2
};

constexpr PartMembers made_part_members() {
    PartMembers all;
    for (unsigned x = 0; x < kNumbers; ++x) {
        const auto one = static_cast<Members>(1U << x);
        for (unsigned a = 0; a < 16; ++a) {
            for (unsigned b = 0; b < 16; ++b) {
                const auto moved = static_cast<unsigned>(signed_of(x, 4) + 8);
                all.bits[a][b] |= ((x ^ a) & ~b & 15) == 0 ? one : Members{0};
                all.u[a][b] |= a <= x && x <= b ? one : Members{0};
                all.s[a][b] |= a <= moved && moved <= b ? one : Members{0};
            }
        }
        for (unsigned a = 0; a < 4; ++a) {
            for (unsigned b = 0; b < 4; ++b) {
                const unsigned low = x & 3;
                const auto moved = static_cast<unsigned>(signed_of(low, 2) + 2);
                all.u_low[a][b] |= a <= low && low <= b ? one : Members{0};
                all.s_low[a][b] |= a <= moved && moved <= b ? one : Members{0};
            }
        }
    }
    return all;
}

const PartMembers kPartMembers = made_part_members();

std::array<Members, kSets> made_best_members() {
    std::array<Members, kSets> all{};
    for (unsigned set = 1; set < kSets; ++set) {
        all[set] = members(best(static_cast<Members>(set)));
    }
    return all;
}

// Sets with the same description have the same members described: those that are their own best.
std::vector<Element> made_elements() {
    std::vector<Element> all;
    for (unsigned set = 1; set < kSets; ++set) {
        if (best_members()[set] == set) {
            all.push_back({best(static_cast<Members>(set)), static_cast<Members>(set)});
        }
    }
    return all;
}

} // namespace

Members members(const Nibble& set) {
    const auto at = [](auto number, int moved) { return static_cast<unsigned>(number + moved); };
    return static_cast<Members>(kPartMembers.bits[set.bits.value][set.bits.mask] &
                                kPartMembers.u[set.u.min][set.u.max] &
                                kPartMembers.s[at(set.s.min, 8)][at(set.s.max, 8)] &
                                kPartMembers.u_low[set.u_low.min][set.u_low.max] &
                                kPartMembers.s_low[at(set.s_low.min, 2)][at(set.s_low.max, 2)]);
}

Nibble best(Members set) {
    Nibble result;
    unsigned ones = 15;
    unsigned possible = 0;
    bool first = true;
    const auto grow = [&first](auto& interval, int number) {
        using Range = std::decay_t<decltype(interval)>;
        using Number = std::decay_t<decltype(interval.min)>;
        const Range one{static_cast<Number>(number), static_cast<Number>(number)};
        interval = first ? one : interval.join(one);
    };
    for (unsigned x = 0; x < kNumbers; ++x) {
        if ((set >> x & 1U) == 0) {
            continue;
        }
        ones &= x;
        possible |= x;
        grow(result.u, static_cast<int>(x));
        grow(result.s, signed_of(x, 4));
        grow(result.u_low, static_cast<int>(x & 3));
        grow(result.s_low, signed_of(x & 3, 2));
        first = false;
    }
    result.bits = {static_cast<std::uint8_t>(ones), static_cast<std::uint8_t>(possible & ~ones)};
    return result;
}

const std::array<Members, kSets>& best_members() {
    static const std::array<Members, kSets> all = made_best_members();
    return all;
}

const std::vector<Element>& elements() {
    static const std::vector<Element> all = made_elements();
    return all;
}

} // namespace skep::tests::soundness
