// SPDX-License-Identifier: Apache-2.0
//
// Which registers an instruction reads and writes, and whether it may.
#pragma once

#include <cstdint>

#include "skep/bytecode/insn.hpp"
#include "skep/verify/explain/finding.hpp"
#include "skep/verify/state/state.hpp"

namespace skep::verify {

using RegSet = std::uint16_t; // bit n: Rn
constexpr RegSet only(Reg reg) { return static_cast<RegSet>(1U << reg); }
inline constexpr RegSet kNoRegs = 0;
inline constexpr RegSet kArguments = 0x3e;   // R1..R5
inline constexpr RegSet kCallerSaved = 0x3f; // R0..R5

// Calls aside, which depend on the callee: a call is said to read all arguments and to write
// R0..R5.
RegSet reads(const Insn& insn);
RegSet writes(const Insn& insn);

// Every register that is read has a value, and R10 is not written. Calls are judged by calls/.
Ruling<void> check_registers(const State& state, const Insn& insn);
Finding unreadable(Reg reg);
inline Ruling<void> check_readable(const State& state, Reg reg) {
    return state.reg(reg).is_initialised() ? Ruling<void>() : unreadable(reg);
}

} // namespace skep::verify
