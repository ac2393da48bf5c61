// SPDX-License-Identifier: Apache-2.0
//
// Random programs that are valid: every engine, and the kernel's verifier, must take them.
//
// They are made so that validity needs no search. All registers hold numbers from the beginning,
// r10 is only ever a base, the part of the stack that is used is filled first, immediates of shifts
// and divisions are in range, jumps go forward over whole pieces, and loops count down in a
// register that their body leaves alone. In the end all registers are folded into r0.
//
// What they reach is every row of the instruction table: a row added to the table is generated from
// the same day.
#pragma once

#include <random>
#include <vector>

#include "skep/bytecode/insn.hpp"

namespace skep::tests {

struct GeneratorOptions {
    unsigned pieces = 40;     // about how many pieces: instructions, branches, loops, calls
    unsigned subprograms = 2; // at most
    bool atomics = true;
};

std::vector<RawInsn> generate_program(std::mt19937_64& random,
                                      const GeneratorOptions& options = {});

} // namespace skep::tests
