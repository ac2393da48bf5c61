// SPDX-License-Identifier: Apache-2.0
//
// The pieces that generated programs are made of: each writes some instructions and notes what they
// did to the writer's idea of the machine. Private to generator.cpp and the pieces' own files.
#pragma once

#include <vector>

#include "tests/verdicts/campaign/generator/surroundings.hpp"
#include "tests/verdicts/campaign/generator/writer.hpp"

namespace skep::tests::campaign {

// A subprogram that was called and is still to be written.
struct Pending {
    Draft::Label label = 0;
    std::array<Known, 5> arguments;
    unsigned depth = 0;
    bool is_callback = false;
    bool is_global = false;
};

// What the pieces share beyond the writer.
struct Site {
    const ProgramSpec& program;
    Draft::Label out = 0;  // sets r0 and exits
    unsigned depth = 0;    // of subprograms
    bool may_leave = true; // no reference is held
    std::vector<Pending>* pending = nullptr;
};

// numbers.cpp
void write_arithmetic(Writer& writer);
void write_move(Writer& writer);
// Makes the number at most `most`, in one of many ways.
void write_bound(Writer& writer, const Site& site, Reg reg, std::uint64_t most);
// A jump to `label` on a condition of numbers, pointers or both.
void write_condition(Writer& writer, Draft::Label label);

// memory.cpp
void write_stack_access(Writer& writer);
void write_memory_access(Writer& writer, const Site& site);
void write_atomic(Writer& writer);
void write_pointer_arithmetic(Writer& writer, const Site& site);
void write_context_load(Writer& writer, const Site& site);
void write_packet(Writer& writer, const Site& site);
void write_packet_load(Writer& writer, const Site& site); // LD_ABS, LD_IND
// r<reg> = the address of `bytes` bytes of the stack, filled when asked.
void write_stack_address(Writer& writer, Reg reg, unsigned bytes, bool filled);

// calls.cpp
void write_look_up(Writer& writer, const Site& site);
void write_null_check(Writer& writer, const Site& site, Reg reg);
void write_helper_call(Writer& writer, const Site& site);
void write_subprogram_call(Writer& writer, const Site& site);

} // namespace skep::tests::campaign
