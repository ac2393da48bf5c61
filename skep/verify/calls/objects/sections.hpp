// SPDX-License-Identifier: Apache-2.0
//
// Locks that may fail to be taken, and interrupts that are turned off: both nest, and are given
// back in reverse order.
//
//   interrupt flag   a slot of the stack that holds what interrupts were before: bytes irq_flag,
//                    value of kind memory with the reference that was made for it; `subject` tells
//                    which kind of function made it
//
// Proved by: tests/verdicts/object_test.cpp.
#pragma once

#include "skep/verify/calls/kfunc/kfunc_site.hpp"

namespace skep::verify {

Ruling<void> check_resilient_lock(const KfuncSite& site, unsigned number, CallPlan& plan);
Ruling<void> check_irq_flag(const KfuncSite& site, unsigned number, CallPlan& plan);

// What the call does; `held`: the lock was taken. Answers with the result.
Value step_resilient_lock(const KfuncSite& site, const CallPlan& plan, bool held, State& state,
                          IdSource& ids);
void step_irq_flag(const KfuncSite& site, const CallPlan& plan, State& state, IdSource& ids);

// What is held when control leaves: text for a message, empty when nothing is.
std::string_view open_section(const State& state);

} // namespace skep::verify
