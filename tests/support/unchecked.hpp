// SPDX-License-Identifier: Apache-2.0
//
// Unchecked: a VerifiedProgram made from instructions as they stand, with nothing proved.
//
// For tests that want an engine to run code of their own choosing. The engine then does what the
// code says, wherever that leads: the test answers for it. Subprograms are found by the calls and
// function addresses in the code; every one of them is said to use a whole frame of stack.
#pragma once

#include <vector>

#include "skep/verify/verified_program.hpp"

namespace skep::tests {

struct UncheckedOptions {
    spec::ProgramType type = spec::ProgramType::socket_filter;
    std::vector<spec::MapSpec> maps;
    bool loads_may_fault = false; // every load is guarded and reads zero when it faults
    // Facts that are claimed, by slot, true or not; the slots after the last know nothing.
    std::vector<verify::InsnFacts> facts;
};

// Precondition: not empty.
verify::VerifiedProgram unchecked(std::vector<RawInsn> insns, UncheckedOptions options = {});

} // namespace skep::tests
