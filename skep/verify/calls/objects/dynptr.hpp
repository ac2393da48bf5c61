// SPDX-License-Identifier: Apache-2.0
//
// Dynptrs as arguments: initialised ones, and stack space that becomes one. A dynptr lies on the
// stack, or is handed to a callback or global function, which may look at it and no more.
//
// Proved by: tests/law/helper_kernel_test.cpp (arguments, against the kernel).
#pragma once

#include <string_view>

#include "skep/verify/calls/call.hpp"
#include "skep/verify/state/dynptrs.hpp"

namespace skep::verify {

// Whose argument it is.
struct DynptrArgument {
    const State& state;
    unsigned number = 0; // of the argument, from 1
    std::string_view function;

    [[nodiscard]] const Value& value() const { return state.reg(static_cast<Reg>(number)); }
};

// An initialised one, of any kind or of this; answers with what it is.
Ruling<Value> check_dynptr(const DynptrArgument& argument, DynptrKind wanted = DynptrKind::none);

// One that is given back: it carries a reference.
Ruling<void> check_dynptr_release(const DynptrArgument& argument);

// Stack space for one. Its old contents may be a dynptr without a reference.
Ruling<DynptrPlace> check_dynptr_space(const DynptrArgument& argument);

// The bytes that a size that is the same on every run cuts out of it, or null.
Value dynptr_slice(const Value& dynptr, std::uint32_t size_bytes, IdSource& ids);

// What the plan says about new dynptrs and ended ones.
void step_dynptrs(const CallPlan& plan, InsnIndex at, State& state, IdSource& ids);

} // namespace skep::verify
