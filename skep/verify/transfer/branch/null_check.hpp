// SPDX-License-Identifier: Apache-2.0
//
// Null checks: all copies of a pointer that may be null learn together.
#pragma once

#include "skep/verify/state/state.hpp"
#include "skep/verify/state/subject.hpp"

namespace skep::verify {

enum class Nullness : std::uint8_t { null, not_null };

// Pointers of this kind are never null, so that comparing one with null has a known answer.
bool never_null(const Value& value);

// `pointer` was found null, or not: every value with its id becomes the number 0, or loses the
// flag.
void learn_null(const Subject& subject, State& state, const Value& pointer, Nullness found);

// The pointer in this register alone is not null; its copies are left as they are.
void learn_not_null(const Subject& subject, State& state, Reg reg);

} // namespace skep::verify
