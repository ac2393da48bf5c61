// SPDX-License-Identifier: Apache-2.0
//
// The witness: the plainest interpreter, a switch over raw instructions.
//
// It shares nothing with the real engines, neither decoder nor meaning column: what an instruction
// does is written out here once more, from RFC 9669, so that a wrong row is found. It is also what
// the interpreter's speed is compared with. It runs what the generator makes (no maps, no helpers),
// single-threaded, and stops after a number of steps.
#pragma once

#include <optional>
#include <span>

#include "skep/bytecode/insn.hpp"

namespace skep::tests {

// r0 at the end; nothing when the program did something that the witness does not know, or too
// much. Precondition: the program was verified, or made by the generator.
std::optional<std::uint64_t> witness(std::span<const RawInsn> program, void* context,
                                     std::uint64_t max_steps = 1'000'000);

} // namespace skep::tests
