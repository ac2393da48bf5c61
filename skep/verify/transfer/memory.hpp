// SPDX-License-Identifier: Apache-2.0
//
// Loads, stores and atomic operations.
//
// check_memory asks access/ about the memory and tells the walk what was relied on; step_memory
// assumes it was allowed.
//
// Proved by: tests/cases/accept/stack, tests/cases/reject/stack, tests/cases/reject/atomics.
#pragma once

#include <optional>

#include "skep/verify/access/context.hpp"
#include "skep/verify/explain/finding.hpp"
#include "skep/verify/state/state.hpp"
#include "skep/verify/state/workspace.hpp"

namespace skep::verify {

// What the check found out and the step uses.
struct MemoryPlan {
    Value base;                  // the pointer, before the step
    std::optional<Value> yields; // what a load from a context or typed object gives
    bool offset_mattered = false;
};

// For insn kinds load, store_imm, store_reg and atomic, after check_registers.
Ruling<MemoryPlan> check_memory(const Subject& subject, const State& state, const Insn& insn);
void step_memory(Workspace& workspace, const MemoryPlan& plan, State& state, const Insn& insn);

// The register that holds the address.
Reg address_register(const Insn& insn);

} // namespace skep::verify
