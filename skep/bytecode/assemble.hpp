// SPDX-License-Identifier: Apache-2.0
//
// Assembly: from text to instructions. Reads what disassemble.hpp prints and more:
//
//   r1 = *(u32 *)(r6 +0)      the kernel's and llvm's notation, freely mixed
//   mov32 %r0, 1              the mnemonics of the public conformance files
//   7: (85) call f#1  ; R0=0  lines of listings and logs: numbers, opcodes and remarks are skipped
//
// Jumps go to labels (`out:`), to numbered labels (`1:`, reached by `goto 1f` or `1b`), or by
// distance in slots (`pc+4`, `+4`); `exit` as a label that nobody defines is the last exit. A call
// goes to a helper by number or name, to a subprogram by label or distance. A wide immediate has
// the suffix `ll`; without it a number that 32 bits can give by sign extension is a mov, and any
// other is wide. Wide references are written `map_idx[0]`, `map_idx_value[0]+8`, `func[label]`: the
// text column of the table.
//
// `#` and `;` begin a remark at the start of a line or after a space; elsewhere `;` ends a
// statement and `#` stands before a number; `//` begins a remark anywhere.
//
// An error names line and column. The text may be anything: it is read once, from left to right.
//
// Proved by: assemble_test.cpp; fuzz/assembler.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/bytecode/insn.hpp"

namespace skep {

// Names that only the caller knows; a function may be empty.
struct Symbols {
    std::function<std::optional<std::int32_t>(std::string_view)> helper; // its id
    std::function<std::optional<std::int32_t>(std::string_view)> map;    // its index
};

struct Assembled {
    std::vector<RawInsn> insns;
    std::map<std::string, InsnIndex> labels;
    std::vector<std::uint32_t> lines; // the line of each slot, from 1
};

Result<Assembled> assemble(std::string_view text, const Symbols& symbols = {});

} // namespace skep
