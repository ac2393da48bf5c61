// SPDX-License-Identifier: Apache-2.0
//
// Liveness: which registers may still be read, before each instruction.
//
// Backwards over the slots until nothing changes. A register that is not live need not be computed;
// saying live of one that is not costs an instruction, the reverse would cost the answer, so
// whatever is in doubt is live. Passes are bounded: past the bound everything is live.
//
// Proved by: tests/jit/plan_test.cpp; tests/engines.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "skep/run/jit/plan.hpp"

namespace skep::run::jit {

using RegSet = std::uint16_t; // bit n: Rn

constexpr RegSet set_of(Reg reg) { return static_cast<RegSet>(1U << reg); }
inline constexpr RegSet kAllRegs = 0x7ff;
inline constexpr RegSet kCallerSaved = 0x3f; // R0 to R5, which a call may change
inline constexpr RegSet kArguments = 0x3e;   // R1 to R5

RegSet reads_of(const Insn& insn);
RegSet writes_of(const Insn& insn);

// By slot, and one more (nothing is live past the end).
// An instruction whose result is a known number reads nothing.
std::vector<RegSet> live_before(const Plan& plan, std::span<const verify::InsnFacts> facts = {});

} // namespace skep::run::jit
