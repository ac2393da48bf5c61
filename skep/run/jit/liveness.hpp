// SPDX-License-Identifier: Apache-2.0
//
// Liveness: which registers may still be read, before each instruction.
//
// Backwards over the slots. Where a jump goes back, what is live there is not known yet the first
// time: the slots before it are walked again until no such guess was wrong. A register that is not
// live need not be computed; saying live of one that is not costs an instruction, the reverse would
// cost the answer. Walks are bounded: past the bound everything is live.
//
// Proved by: tests/jit/plan_test.cpp; tests/engines.
#pragma once

#include "skep/run/jit/plan.hpp"

namespace skep::run::jit {

// By slot, and one more (nothing is live past the end).
WorkList<RegSet> live_before(const Plan& plan);

} // namespace skep::run::jit
