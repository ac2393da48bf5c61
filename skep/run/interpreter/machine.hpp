// SPDX-License-Identifier: Apache-2.0
//
// Data plane. The interpreter's machine: registers, frames, and instructions in the form in which
// they run.
//
// An instruction is decoded once, when the program is made ready, into an Op: the function that
// carries it out, and its operands. Running is a row of indirect calls, each of which answers with
// the next Op; null ends the run. There is one Op for each slot, so that distances stay what they
// are in the bytecode.
//
//   0                8     9    10       12         16
//   ┌────────────────┬─────┬─────┬────────┬──────────┐
//   │    handler     │ dst │ src │ offset │   imm    │
//   └────────────────┴─────┴─────┴────────┴──────────┘
//
// What a handler does comes from the meaning column of the instruction table, for every row alike
// (arithmetic.cpp, atomics.cpp); nothing is told twice. Why calls and not labels as values: labels
// would have to be written out one by one for each operation, width and operand, and the loop once
// for each policy. Measured: 1.7 ns of CPU time an instruction in a loop of ten with memory
// accesses.
#pragma once

#include <array>
#include <cstdint>

#include "skep/bytecode/insn.hpp"
#include "skep/helpers/invocation.hpp"

namespace skep::run::interpreter {

inline constexpr std::uint32_t kFrameBytes = 512; // of stack for each subprogram that is active
inline constexpr std::uint32_t kMaxFrames = 8;    // MAX_CALL_FRAMES
inline constexpr std::uint64_t kLoopBudget = 8ULL * 1024 * 1024; // rounds of may_goto in one run

struct Op;
struct Machine;
using Handler = const Op* (*)(const Op*, Machine&);

struct Op {
    Handler handler = nullptr;
    Reg dst = 0;
    Reg src = 0;
    std::int16_t offset = 0;
    std::int32_t imm = 0;
};
static_assert(sizeof(Op) == 16);

// What a call leaves behind: where to go on, and what the callee must give back unchanged.
struct Frame {
    const Op* back = nullptr; // null for the first frame and for callbacks: the loop ends
    std::array<std::uint64_t, 4> saved{}; // r6 to r9
};

struct Machine {
    std::array<std::uint64_t, 11> reg{};
    helpers::Invocation* invocation = nullptr;
    const helpers::HelperFunction* helpers = nullptr; // bound functions, by the imm of a call
    const Op* ops = nullptr;
    std::uint64_t op_count = 0;
    std::uint32_t depth = 0; // index of the active frame
    bool stopped = false;    // the run was given up: every loop ends
    std::array<Frame, kMaxFrames> frames;
    alignas(16) std::array<std::uint8_t, std::size_t{kMaxFrames} * kFrameBytes> stack;

    // Opens a frame; false when the stack is full, which the verifier has ruled out.
    bool enter(const Op* back) {
        if (depth + 1 == kMaxFrames) {
            return false;
        }
        frames[++depth] = {back, {reg[6], reg[7], reg[8], reg[9]}};
        reg[kFramePointer] += kFrameBytes;
        return true;
    }
    // Closes it and says where to go on.
    const Op* leave() {
        const Frame& frame = frames[depth];
        if (depth != 0) {
            reg[6] = frame.saved[0];
            reg[7] = frame.saved[1];
            reg[8] = frame.saved[2];
            reg[9] = frame.saved[3];
            reg[kFramePointer] -= kFrameBytes;
            --depth;
        }
        return frame.back;
    }
    const Op* give_up() {
        stopped = true;
        reg[0] = 0;
        return nullptr;
    }
};

// A register as the address that it was proved to be: the one place where a number becomes a
// pointer.
template <class T>
T* pointer_at(std::uint64_t address) {
    return reinterpret_cast<T*>(address); // NOLINT: registers hold addresses as numbers
}

// The function for an instruction, by kind. They look at the operation, width, size and source
// alone; an instruction that the interpreter does not carry out has none.
Handler arithmetic_handler(const Insn& insn); // alu, load_wide, address_space_cast
Handler memory_handler(const Insn& insn, bool fault_reads_zero); // load, store
Handler atomic_handler(const Insn& insn);
Handler flow_handler(const Insn& insn);   // jumps, calls, exit
Handler packet_handler(const Insn& insn); // LD_ABS, LD_IND
Handler tail_call_handler();
Handler unreachable_handler(); // the second slot of a wide immediate

} // namespace skep::run::interpreter
