// SPDX-License-Identifier: Apache-2.0
//
// Plan: what the lowering must know about a program before it writes the first byte.
//
// One pass over the decoded instructions finds the functions, where jumps arrive, and what each
// function needs of its frame. It also refuses what no generated code can do here, with an exact
// word; a verified program holds none of it, but a plan must not trust that it is handed one.
//
// Proved by: tests/jit/plan_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "skep/base/result.hpp"
#include "skep/run/jit/target.hpp"
#include "skep/verify/verified_program.hpp"

namespace skep::run::jit {

using MapShapes = std::span<const MapShape>; // by map index

struct Function {
    std::uint32_t start = 0; // slots, half open
    std::uint32_t end = 0;
    Frame frame;
};

struct Plan {
    std::vector<Insn> insns;                // by slot
    std::vector<std::uint8_t> arrives;      // by slot: 1 where a jump may arrive
    std::vector<std::uint8_t> second_slot;  // by slot: 1 for the second half of a wide immediate
    std::vector<std::uint8_t> loop_heads;   // by slot: 1 where a short loop without another begins
    std::vector<Function> functions;        // rising, the entry first
    std::optional<Frame> gate;              // what C calls, when the program calls its entry itself
    std::vector<std::uint32_t> function_of; // by slot; meaningful at the start of a function

    [[nodiscard]] bool is_target(std::uint32_t slot) const { return arrives[slot] != 0; }
};

Result<Plan> make_plan(const verify::VerifiedProgram& program, MapShapes shapes);

// The map that a look-up at this slot is known to go to; null when it is no look-up or not known.
const MapShape* looked_up(const Insn& insn, const verify::InsnFacts& facts, MapShapes shapes);

// Whether the helper call is done without leaving the code.
bool is_inlined(const Insn& insn, const verify::InsnFacts& facts, MapShapes shapes);

} // namespace skep::run::jit
