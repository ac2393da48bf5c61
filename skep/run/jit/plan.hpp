// SPDX-License-Identifier: Apache-2.0
//
// Plan: what the lowering must know about a program before it writes the first byte.
//
// One pass over the decoded instructions finds the functions, where jumps arrive, what is read and
// written, and what each function needs of its frame. It also refuses what no generated code can do
// here, with an exact word; a verified program holds none of it, but a plan must not trust that it
// is handed one.
//
// Proved by: tests/jit/plan_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "skep/base/result.hpp"
#include "skep/run/jit/effects.hpp"
#include "skep/run/jit/target.hpp"
#include "skep/run/jit/targets/working_memory.hpp"
#include "skep/verify/verified_program.hpp"

namespace skep::run::jit {

using MapShapes = std::span<const MapShape>; // by map index

struct Function {
    std::uint32_t start = 0; // slots, half open
    std::uint32_t end = 0;
    Frame frame;
};

// What is so of a slot; several may be.
enum SlotMark : std::uint8_t {
    kArrives = 1,    // a jump may arrive here
    kSecondSlot = 2, // the second half of a wide immediate
    kLoopHead = 4,   // a short loop without another begins here
    kStart = 8,      // a function begins here
    kBranches = 16,  // the instruction does not, or not always, go on with the next
    kCalls = 32,     // the instruction becomes a call
    kKnown = 64,     // arithmetic or a load whose result is a known number
    kMeets = 128,    // more than one jump may arrive here
};

// A jump to before or at itself, in the order of whatever list it is in.
struct BackJump {
    std::uint32_t at = 0;
    std::uint32_t target = 0;
};

struct Plan {
    explicit Plan(std::pmr::memory_resource* memory = std::pmr::get_default_resource())
        : marks(memory), effects(memory), order(memory), places(memory), back_jumps(memory),
          gotos(memory), byte_moves(memory), functions(memory) {}

    std::vector<Insn> insns;      // by slot
    WorkList<std::uint8_t> marks; // by slot: of SlotMark
    // By slot; nothing for a second slot. An instruction whose result is a known number reads
    // nothing.
    WorkList<Effects> effects;
    // The slots in the order in which their code stands, which layout.hpp makes; nothing when that
    // is their own. Each function's stand where they would in theirs.
    WorkList<std::uint32_t> order;
    WorkList<std::uint32_t> places; // by slot, where in the order it is; nothing as well
    WorkList<BackJump> back_jumps;  // rising by `at`
    WorkList<std::uint32_t> gotos;  // slots
    // Slots of arithmetic that moves whole bytes within a register, rising: see recompose.hpp.
    WorkList<std::uint32_t> byte_moves;
    WorkList<Function> functions; // rising, the entry first
    std::optional<Frame> gate;    // what C calls, when the program calls its entry itself

    [[nodiscard]] bool has(SlotMark mark, std::uint32_t slot) const {
        return (marks[slot] & mark) != 0;
    }
    [[nodiscard]] bool is_target(std::uint32_t slot) const { return has(kArrives, slot); }
    [[nodiscard]] std::uint32_t slot_at(std::uint32_t place) const {
        return order.empty() ? place : order[place];
    }
    [[nodiscard]] std::uint32_t place_of(std::uint32_t slot) const {
        return places.empty() ? slot : places[slot];
    }
    // Where its lists are, and what is made of it may be.
    [[nodiscard]] std::pmr::memory_resource* memory() const {
        return marks.get_allocator().resource();
    }
    // Precondition: a function begins at the slot.
    [[nodiscard]] std::uint32_t function_at(std::uint32_t slot) const;
};

// Whether blocks stand as they were written, or where layout.hpp puts them.
enum class Blocks : std::uint8_t { as_written, laid_out };

// The plan must be gone before the memory is.
Result<Plan> make_plan(const verify::VerifiedProgram& program, MapShapes shapes,
                       Blocks blocks = Blocks::as_written,
                       std::pmr::memory_resource* memory = std::pmr::get_default_resource());

// The map that a look-up at this slot is known to go to; null when it is no look-up or not known.
const MapShape* looked_up(const Insn& insn, const verify::InsnFacts& facts, MapShapes shapes);

} // namespace skep::run::jit
