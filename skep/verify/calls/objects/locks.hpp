// SPDX-License-Identifier: Apache-2.0
//
// Spin locks: which lock a pointer names, and whether it is held.
//
// A lock is known by what it lies in: the id of the looked-up value or allocated object, or, in a
// value that is the same on every run, its map (kDirectLock).
#pragma once

#include "skep/verify/calls/call.hpp"

namespace skep::verify {

// Of the map value or object that the pointer leads into; 0: it could be any.
std::uint32_t allocation_of(const Value& value);

// A lock of any kind that lies there is held.
bool is_locked(const State& state, const Value& value);

// What was lent for as long as a lock is held is not there any more.
void end_lent_objects(State& state);

} // namespace skep::verify
