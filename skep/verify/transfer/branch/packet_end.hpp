// SPDX-License-Identifier: Apache-2.0
//
// Comparing packet pointers with the packet's end (spec/verifier.md, section 6).
#pragma once

#include <optional>

#include "skep/spec/instructions.hpp"
#include "skep/verify/state/state.hpp"

namespace skep::verify {

// An ordering of the packet's data and its end, which tells how long it is.
bool compares_with_end(spec::JumpOp op, const Value& dst, const Value& src);

// The answer, when an earlier comparison has found the pointer at or beyond the end.
std::optional<bool> packet_compare_decided(spec::JumpOp op, const Value& dst, const Value& src);

// Both operands are pointers: what the side proves about packet bytes, if anything.
void learn_packet_end(State& state, const Insn& insn, bool taken);

} // namespace skep::verify
