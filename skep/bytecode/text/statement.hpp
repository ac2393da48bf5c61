// SPDX-License-Identifier: Apache-2.0
//
// One statement of assembly, read but not yet placed: its instruction, and the label that must be
// found before the instruction is whole. Two readers, one for each way of writing.
#pragma once

#include <string>

#include "skep/bytecode/assemble.hpp"
#include "skep/bytecode/text/cursor.hpp"

namespace skep::text {

enum class TargetUse : std::uint8_t {
    none,
    jump,
    call,             // a subprogram's label, else the name of a helper
    call_subprogram,  // a label and nothing else
    function_address, // func[label]
};

struct Statement {
    Insn insn;
    TargetUse use = TargetUse::none;
    std::string label;      // "out", "1f", "1b"
    std::size_t column = 0; // of the label, for errors
};

// What the opcode before a statement told ("(18) r1 = 0x5"), for the one text that means two
// things.
struct Hints {
    std::optional<std::uint8_t> opcode;
};

// r1 = *(u32 *)(r6 +0); if r0 == 0 goto out; lock *(u64 *)(r1 +0) += r2
Result<Statement> read_operators(Cursor& cursor, const Symbols& symbols, Hints hints);

// mov32 %r0, 1; ldxdw %r0, [%r10-8]; lock cmpxchg [%r10-8], %r1
Result<Statement> read_mnemonic(Cursor& cursor, std::string_view mnemonic);

// Shared by both: where a jump goes, and what is called.
Result<Statement> read_jump_target(Cursor& cursor, Insn insn);
Result<Statement> read_call(Cursor& cursor);

// The instruction of an ALU row or a jump row, operands not yet filled in.
Insn alu_insn(const spec::AluRow& row, Width width);
Insn jump_insn(const spec::JumpRow& row, Width width);

} // namespace skep::text
