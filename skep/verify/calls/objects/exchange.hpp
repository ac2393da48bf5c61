// SPDX-License-Identifier: Apache-2.0
//
// bpf_kptr_xchg: a pointer goes into a field of a map value or object, with its reference, and the
// old one comes out, with its own.
#pragma once

#include "skep/verify/access/pointer_field.hpp"
#include "skep/verify/calls/call_site.hpp"

namespace skep::verify {

// Arguments 1 and 2. The plan keeps the field for the result.
Ruling<void> check_pointer_place(const CallSite& site, unsigned number, CallPlan& plan);
Ruling<void> check_pointer_given(const CallSite& site, unsigned number, CallPlan& plan);

// What was there before: owned by the program, or null.
Value taken_pointer(const CallSite& site, const CallPlan& plan, IdSource& ids);

} // namespace skep::verify
