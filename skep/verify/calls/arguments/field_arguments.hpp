// SPDX-License-Identifier: Apache-2.0
//
// Field arguments: locks and timers, which are fields of map values. A function takes the exact
// address of the field, and a lock is told from another by which value it lies in.
#pragma once

#include "skep/verify/calls/call_site.hpp"

namespace skep::verify {

// Precondition of both: check_argument_kind passed for the argument.
Ruling<void> check_lock_argument(const CallSite& site, unsigned number, CallPlan& plan);
Ruling<void> check_timer_argument(const CallSite& site, unsigned number, CallPlan& plan);

// bpf_timer_init: the map is the one that the timer lies in.
Ruling<void> check_timer_map(const CallSite& site, CallPlan& plan);

// The lock is held, or given back, as the row says. `ids` gives the resource its number.
void step_lock(const CallSite& site, const CallPlan& plan, State& state, IdSource& ids);

} // namespace skep::verify
