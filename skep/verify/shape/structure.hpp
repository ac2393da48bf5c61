// SPDX-License-Identifier: Apache-2.0
//
// Is it a program at all? Before any path is walked: every instruction decodes, jumps stay inside
// their subprogram and hit beginnings of instructions, every subprogram ends, nothing is
// unreachable, map references exist. After this the walk may follow any jump without fear.
//
// The order and the words are those of spec/verifier.md, section 1.
//
// Proved by: tests/engines/decode_kernel_test.cpp, tests/cases/reject/structure.
#pragma once

#include "skep/verify/explain/finding.hpp"
#include "skep/verify/state/subject.hpp"

namespace skep::verify {

// The program decoded, its subprograms found and named; or the first thing that is wrong.
// The refusal of an instruction that means nothing, in the decoder's words.
Finding unusable(InsnIndex at, const std::string& message);

Ruling<Subject> check_structure(const ProgramSpec& program, const Environment& environment);

} // namespace skep::verify
