// SPDX-License-Identifier: Apache-2.0
//
// All that can be said of a number of four bits whose low half has two, and of which numbers it is
// true. A set of numbers is a mask: bit n says whether n is in it.
//
// The elements tried are the best descriptions of all 65,535 sets that have members. What the
// domain keeps between its operations may be looser than these; of such there are more than pairs
// could be tried, so operations on one operand and synchronise() are tried on all of them, pairs on
// the best ones.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "skep/verify/domain/scalar.hpp"

namespace skep::tests::soundness {

using Nibble = verify::BasicScalar<4>;
using Members = std::uint16_t;
inline constexpr unsigned kNumbers = 16;
inline constexpr unsigned kSets = 1U << kNumbers;

// By the definition of each of the five parts, not by the domain's own contains().
Members members(const Nibble& set);

// The best description of a set that has members.
Nibble best(Members set);

struct Element {
    Nibble set;
    Members members = 0;
};

// What a set's best description holds, for each set: the closest that an operation could come.
const std::array<Members, kSets>& best_members();
// Every best description, once.
const std::vector<Element>& elements();

} // namespace skep::tests::soundness
