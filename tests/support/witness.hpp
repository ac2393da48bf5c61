// SPDX-License-Identifier: Apache-2.0
//
// The witness: the plainest interpreter, a switch over decoded instructions.
//
// It shares the meaning column with the real one and nothing else: no pre-decoding, no threading,
// no tables of handlers. It runs what the generator makes (no maps, no helpers) and stops after a
// number of steps.
#pragma once

#include <optional>
#include <span>

#include "skep/bytecode/insn.hpp"

namespace skep::tests {

// r0 at the end; nothing when the program did something that the witness does not know, or too
// much.
std::optional<std::uint64_t> witness(std::span<const RawInsn> program, void* context,
                                     std::uint64_t max_steps = 1'000'000);

} // namespace skep::tests
