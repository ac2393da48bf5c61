// SPDX-License-Identifier: Apache-2.0
//
// Conditional jumps: which sides can happen, and what each side learns: about numbers and those
// linked to them, about null, about the end of the packet.
//
// Proved by: transfer/arithmetic_test.cpp for the numbers; tests/cases/accept/branches and
// tests/cases/reject/branches for the rest.
#pragma once

#include <optional>

#include "skep/verify/explain/finding.hpp"
#include "skep/verify/state/state.hpp"
#include "skep/verify/state/workspace.hpp"

namespace skep::verify {

// Addresses that the loader may not see are compared only with null and with the packet's end:
// asked before and after it is known whether the jump is decided.
Ruling<void> check_compared(const Subject& subject, const State& state, const Insn& insn);
Ruling<void> check_undecided(const Subject& subject, const State& state, const Insn& insn);

// Taken, not taken, or it depends.
std::optional<bool> jump_decided(const State& state, const Insn& insn);

// A decided jump relied on what its operands are.
void need_operands(Workspace& workspace, const State& state, const Insn& insn);

// For a jump that depends: what becomes of the state on the side.
void learn_from_jump(Workspace& workspace, State& state, const Insn& insn, bool taken);

} // namespace skep::verify
