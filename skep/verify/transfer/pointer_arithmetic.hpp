// SPDX-License-Identifier: Apache-2.0
//
// Adding numbers to pointers, and subtracting.
#pragma once

#include "skep/verify/explain/finding.hpp"
#include "skep/verify/state/state.hpp"
#include "skep/verify/state/workspace.hpp"

namespace skep::verify {

// At least one of dst and `other` is a pointer.
// Whether such operands may be combined at all; then, whether the result is one, too.
Ruling<void> check_pointer_operands(const Subject& subject, const State& state, const Insn& insn,
                                    const Value& other);
Ruling<void> check_pointer_arithmetic(const Subject& subject, const State& state, const Insn& insn,
                                      const Value& other);
void step_pointer_arithmetic(Workspace& workspace, State& state, const Insn& insn,
                             const Value& other);

} // namespace skep::verify
