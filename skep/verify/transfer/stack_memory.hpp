// SPDX-License-Identifier: Apache-2.0
//
// What a store leaves on the stack, and what a load finds there (spec/verifier.md, section 5).
#pragma once

#include <optional>

#include "skep/verify/access/region.hpp"
#include "skep/verify/state/workspace.hpp"

namespace skep::verify {

// After check_region: whether a spilled value may be written or read in this width.
Ruling<void> check_stack_store(const Subject& subject, const State& state,
                               const RegionRequest& request, const Insn& insn);
Ruling<void> check_stack_load(const Subject& subject, const State& state,
                              const RegionRequest& request, const Insn& insn);

struct StoredValue {
    std::optional<Value> value; // nothing: something unknown
    std::optional<Reg> from;    // the register that it came from
};
void stack_store(Workspace& workspace, State& state, const Value& base, const Insn& insn,
                 const StoredValue& stored);
Value stack_load(const State& state, const Value& base, const Insn& insn);

} // namespace skep::verify
