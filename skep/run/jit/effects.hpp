// SPDX-License-Identifier: Apache-2.0
//
// Effects: which registers an instruction reads and which it writes, as sets.
//
// Saying read of a register that is not costs an instruction, the reverse would cost the answer, so
// whatever is in doubt is read.
//
// Proved by: tests/jit/plan_test.cpp; tests/engines.
#pragma once

#include <cstdint>

#include "skep/bytecode/insn.hpp"

namespace skep::run::jit {

using RegSet = std::uint16_t; // bit n: Rn

constexpr RegSet set_of(Reg reg) { return static_cast<RegSet>(1U << reg); }
inline constexpr RegSet kAllRegs = 0x7ff;
inline constexpr RegSet kCallerSaved = 0x3f; // R0 to R5, which a call may change
inline constexpr RegSet kArguments = 0x3e;   // R1 to R5

struct Effects {
    RegSet reads = 0;
    RegSet writes = 0;
};

Effects effects_of(const Insn& insn);

} // namespace skep::run::jit
