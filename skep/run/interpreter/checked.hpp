// SPDX-License-Identifier: Apache-2.0
//
// The checked interpreter: every fact that the verifier handed on about an instruction is compared
// with what the machine holds when the instruction runs. A fact that does not hold is our mistake,
// never the program's: it stops the process, and the message names the instruction.
//
// Checked: constants that an instruction always gives, branches that are never or always taken,
// divisors that are never zero, accesses to the own stack, to the context's neighbourhood and to
// the values of a known map. Offsets from a packet are not: the packet's place is the host's.
//
// Proved by: tests/engines/checked_test.cpp.
#pragma once

#include "skep/run/executable.hpp"

namespace skep::run {

Result<std::unique_ptr<Executable>> make_checked(const verify::VerifiedProgram& program,
                                                 const Binding& binding);

} // namespace skep::run
