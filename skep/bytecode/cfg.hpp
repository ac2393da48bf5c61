// SPDX-License-Identifier: Apache-2.0
//
// Control flow: a program as subprograms, each made of basic blocks.
//
// A block is entered only at its first instruction and left only at its last. A call is no end of a
// block: control comes back behind it. Subprograms begin where a call or a function address points;
// one reaches to the next. What leaves its subprogram is an error, as it is for the verifier.
//
// Proved by: cfg_test.cpp.
#pragma once

#include <span>
#include <vector>

#include "skep/bytecode/insn.hpp"

namespace skep {

struct BasicBlock {
    InsnIndex first;
    InsnIndex last; // the instruction that ends it
    InsnIndex end;  // one past its last slot
    bool exits = false;
    std::vector<std::uint32_t> successors; // blocks of the same subprogram, falling through first
};

struct SubprogramGraph {
    InsnIndex start;
    InsnIndex end;                  // one past
    std::vector<BasicBlock> blocks; // by rising first instruction; the first is the entry
};

// Where subprograms begin: 0, and every target of a call or function address, rising.
std::vector<InsnIndex> subprogram_starts(std::span<const RawInsn> program);

Result<std::vector<SubprogramGraph>> control_flow(std::span<const RawInsn> program);

} // namespace skep
