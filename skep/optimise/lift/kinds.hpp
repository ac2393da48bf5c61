// SPDX-License-Identifier: Apache-2.0
//
// Kinds: which registers hold addresses, before each instruction.
//
// BPF's registers are numbers and addresses alike; an optimiser that is told which is which knows
// what can alias and what cannot. One walk to a fixed point over the instructions finds it, helped
// by what the verifier saw each instruction produce. A register that holds an address on one way
// and a number on another counts as an address, and as mixed; so does what a helper answers that
// may be null, which is the number 0 once it was found to be; and so does what a subprogram
// answers, which counts as a number.
//
//   number ─┬─▶ mixed, counts as a number ──┬─▶ mixed, counts as an address
//           └──────────── address ──────────┘
//
// Kinds only move to the right while the walk goes on, so that it ends, and ends the same in any
// order. What counts as what is a matter of speed: an address and its number turn into each other
// where ways meet. So is being a half: a number whose upper 32 bits are zero on every way, as all
// arithmetic of 32 bits leaves them; it is kept as 32 bits, so that sums, loops and vectors of such
// numbers are of that width. Being mixed is a matter of safety: an optimiser may conclude of `base
// + distance` that the result lies in the object of `base`, so only what is surely the base is
// given as one.
//
// Proved by: tests/jit/meeting_test.cpp, tests/engines, tests/soundness.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "skep/run/jit/plan.hpp"
#include "skep/verify/verified_program.hpp"

namespace skep::optimise {

using RegBits = std::uint16_t; // bit n: register n holds an address
constexpr RegBits bit_of(Reg reg) { return static_cast<RegBits>(1U << reg); }

// What the registers hold.
struct Held {
    RegBits addresses = 0; // they count as addresses; the others as numbers
    RegBits mixed = 0;     // they may be the other on some way
    RegBits halves = 0;    // surely numbers, and below 2^32

    [[nodiscard]] bool is_address(Reg reg) const { return (addresses & bit_of(reg)) != 0; }
    [[nodiscard]] bool is_mixed(Reg reg) const { return (mixed & bit_of(reg)) != 0; }
    [[nodiscard]] bool is_half(Reg reg) const { return (halves & bit_of(reg)) != 0; }
    [[nodiscard]] bool is_surely_address(Reg reg) const {
        return is_address(reg) && !is_mixed(reg);
    }
    [[nodiscard]] bool is_surely_number(Reg reg) const {
        return !is_address(reg) && !is_mixed(reg);
    }
    friend bool operator==(const Held&, const Held&) = default;
};

// Where two ways meet.
Held joined(Held one, Held other);

struct Kinds {
    std::vector<Held> before;        // by slot
    std::vector<Held> arguments;     // by function: r1 to r5 as they are handed over
    std::vector<bool> address_taken; // by function: called by helpers too, with plain numbers
};

Kinds kinds_of(const verify::VerifiedProgram& program, const run::jit::Plan& plan);

// What registers hold after an instruction, given what they did before.
Held kinds_after(const Insn& insn, const verify::InsnFacts& facts, Held before);
// The register that a sum of 64 bits goes out from, where it is one on every way: the sum lies in
// the object that this register points into.
std::optional<Reg> base_of_sum(const Insn& insn, const verify::InsnFacts& facts, Held before);

} // namespace skep::optimise
