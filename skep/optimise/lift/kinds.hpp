// SPDX-License-Identifier: Apache-2.0
//
// Kinds: which registers hold addresses, before each instruction.
//
// BPF's registers are numbers and addresses alike; an optimiser that is told which is which knows
// what can alias and what cannot. One walk to a fixed point over the instructions finds it, helped
// by what the verifier saw each instruction produce. A register that holds an address on one way
// and a number (a null) on another counts as an address.
//
// A wrong answer costs speed, never safety: an address and its number turn into each other freely,
// and every access was proved before.
//
// Proved by: tests/engines.
#pragma once

#include <cstdint>
#include <vector>

#include "skep/run/jit/plan.hpp"
#include "skep/verify/verified_program.hpp"

namespace skep::optimise {

using RegBits = std::uint16_t; // bit n: register n holds an address
constexpr RegBits bit_of(Reg reg) { return static_cast<RegBits>(1U << reg); }

struct Kinds {
    std::vector<RegBits> before;     // by slot
    std::vector<RegBits> arguments;  // by function: r1 to r5 as they are handed over
    std::vector<bool> address_taken; // by function: called by helpers too, with plain numbers
};

Kinds kinds_of(const verify::VerifiedProgram& program, const run::jit::Plan& plan);

// What holds addresses after an instruction, given what did before.
RegBits kinds_after(const Insn& insn, const verify::InsnFacts& facts, RegBits before);

} // namespace skep::optimise
