// SPDX-License-Identifier: Apache-2.0
//
// Arguments: every argument of a call, judged from the first to the last.
#pragma once

#include "skep/verify/calls/call_site.hpp"

namespace skep::verify {

Ruling<void> check_arguments(const CallSite& site, CallPlan& plan);

} // namespace skep::verify
