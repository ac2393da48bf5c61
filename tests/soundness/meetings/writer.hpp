// SPDX-License-Identifier: Apache-2.0
//
// Meetings: random programs in which registers hold an address on one way and a number on another.
//
// Written for what an optimiser concludes from where an address comes from: sums and differences of
// mixed registers in any order, spills and fills of either, halves of addresses, look-ups that
// found nothing, arguments that are another thing at each call, callbacks, and at the end
// everything that is a number on all ways goes into the answer. What is written is nearly always
// accepted, and its answer does not depend on where things lie.
//
// The text is a verdict case (tests/support/verdict_case.hpp).
#pragma once

#include <random>
#include <string>

namespace skep::tests::soundness {

std::string write_meeting(std::mt19937_64& random);

} // namespace skep::tests::soundness
