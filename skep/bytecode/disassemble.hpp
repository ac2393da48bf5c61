// SPDX-License-Identifier: Apache-2.0
//
// Disassembly: an instruction as people read it.
//
// Two dialects of one notation. `kernel` is what the verifier's log and `bpftool prog dump xlated`
// print, `llvm` what llvm-objdump prints; they differ in how displacements, distances, immediates
// of jumps, atomics and calls are spelled, and in nothing else:
//
//   kernel   r1 = *(u32 *)(r6 +0)    if r0 == 0x10 goto pc+4    r2 = 0x1ff           call f#6
//   llvm     r1 = *(u32 *)(r6 + 0)   if r0 == 16 goto +4        r2 = 511 ll          call 6
//
// Names of helpers, maps and subprograms belong to other rooms: the caller gives them through
// Names. Without names the text can be assembled again to the same instruction (assemble.hpp), but
// for calls in the llvm dialect, which does not tell a helper from a subprogram.
//
// Proved by: disassemble_test.cpp (texts as the tools print them), assemble_test.cpp (round trips).
#pragma once

#include <functional>
#include <span>
#include <string>

#include "skep/bytecode/insn.hpp"

namespace skep {

enum class Dialect : std::uint8_t { kernel, llvm };

// What only the caller knows. A function may be empty, and may answer with an empty text: then the
// instruction is printed with its number.
struct Names {
    // The name of what a call calls: printed as "call NAME#imm" (subprograms: "call pc+7#NAME").
    std::function<std::string(const Insn&, InsnIndex)> call;
    // What stands on the right of a wide immediate: "map[id:204][0]+8".
    std::function<std::string(const Insn&, InsnIndex)> wide;
    // llvm dialect: the symbol at the target of a jump, printed as " <NAME>".
    std::function<std::string(std::int64_t target)> label;
};

// The text of one instruction: "r1 = *(u32 *)(r6 +0)".
std::string disassemble(const Insn& insn, InsnIndex at, Dialect dialect, const Names& names = {});

// The same with the opcode before it, as both the log and bpftool have it: "(61) r1 = *(u32 *)(r6
// +0)".
std::string disassemble_with_opcode(const Insn& insn, InsnIndex at, const Names& names = {});

// The bytes of a raw instruction, both slots of a wide one: "b7 00 00 00 02 00 00 00".
std::string opcode_bytes(std::span<const RawInsn> slots);

// A program, one line an instruction, "   0: (b7) r0 = 2"; an instruction that cannot be decoded is
// shown as its bytes. For tests and error texts; listings with sources are made by observe/.
std::string disassemble_program(std::span<const RawInsn> program, const Names& names = {});

} // namespace skep
