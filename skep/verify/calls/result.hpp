// SPDX-License-Identifier: Apache-2.0
//
// Results: what R0 holds after a call that went well.
#pragma once

#include "skep/verify/calls/call_site.hpp"

namespace skep::verify {

// Whether we can say what the result is: a typed one needs the kernel's types.
Ruling<void> check_result_known(const CallSite& site, const CallPlan& plan);

// R0 after the call. `site.state` is the state before it. Where the result is acquired, its id is
// also that of the reference.
Value result_of(const CallSite& site, const CallPlan& plan, IdSource& ids);

// Whether the result carries a reference that must be given back.
bool acquires(const CallSite& site, const CallPlan& plan);

} // namespace skep::verify
