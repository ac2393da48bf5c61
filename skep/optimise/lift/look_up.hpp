// SPDX-License-Identifier: Apache-2.0
//
// Look-ups in hash maps, as functions that are inlined last.
//
// A look-up of a key of up to sixteen bytes takes the key as two numbers, tries the key's home lane
// in place and calls the map's look-up function for all else; maps/hash/home_lane.hpp says how, and
// why that is right while others write. The IR of it is full of ordered reads, which no optimiser
// moves another access across. So while the program is optimised it is a call that touches no
// memory of the program, and InlineLast (inlining.hpp) puts the IR in its place at the end. What it
// falls back to keeps the caller's registers, so that nothing is saved for it on the way that finds
// the key.
//
//   look_up(low, high, invocation) ─ home lane holds the key ─▶ address of the value
//                                  └ anything else ─▶ search(low, high, invocation) ─▶ the map's
//
// Proved by: tests/jit/hash_lookup_test.cpp.
#pragma once

#include "skep/optimise/lift/frame.hpp"

namespace skep::optimise {

// Whether there is a home lane to try.
bool has_home_lanes(const run::jit::MapShape& shape);

// (low, high, invocation) -> address of the value, or null. Made once for each map.
llvm::Function* look_up_function(Shared& shared, const run::jit::MapShape& shape);

} // namespace skep::optimise
