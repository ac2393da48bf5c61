// SPDX-License-Identifier: Apache-2.0
//
// Data plane. The interpreter's machine: registers, frames, and instructions in the form in which
// they run.
//
// An instruction is decoded once, when the program is made ready, into an Op: the function that
// carries it out, and its operands. That function answers with the next Op, null at the end of the
// run, or goes on with the next one by itself (dispatch.hpp has both forms). There is one Op for
// each slot, so that distances stay what they are in the bytecode.
//
//   0                8     9    10       12         16
//   ┌────────────────┬─────┬─────┬────────┬──────────┐
//   │    handler     │ dst │ src │ offset │   imm    │
//   └────────────────┴─────┴─────┴────────┴──────────┘
//
// What a handler does comes from the meaning column of the instruction table, for every row alike
// (arithmetic.cpp, atomics.cpp); nothing is told twice.
#pragma once

#include <array>
#include <cstdint>

#include "skep/bytecode/insn.hpp"
#include "skep/helpers/invocation.hpp"
#include "skep/spec/limits.hpp"

namespace skep::run::interpreter {

inline constexpr std::uint32_t kFrameBytes = spec::limits::stack_bytes; // of each active subprogram
inline constexpr std::uint32_t kMaxFrames = spec::limits::call_frames;

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

// The two forms of a handler. An instruction that the interpreter does not carry out has neither.
struct Handlers {
    Handler alone = nullptr;    // does its own and answers with the next Op
    Handler threaded = nullptr; // and goes on with it, to the end of the run
};

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
Handlers arithmetic_handlers(const Insn& insn); // alu, load_wide, address_space_cast
Handlers memory_handlers(const Insn& insn, bool fault_reads_zero); // load, store
Handlers atomic_handlers(const Insn& insn);
Handlers flow_handlers(const Insn& insn);   // jumps, calls, exit
Handlers packet_handlers(const Insn& insn); // LD_ABS, LD_IND
Handlers reading_helper_handlers(); // a helper that is to be told where its caller's frame is
Handlers tail_call_handlers();
Handlers unreachable_handlers(); // the second slot of a wide immediate

} // namespace skep::run::interpreter
