// SPDX-License-Identifier: Apache-2.0
//
// Work that is done later: work queue entries and task work of map values, and the functions that
// they run. Such a function begins with a frame of its own, and gets the map, key and value.
#pragma once

#include "skep/verify/calls/kfunc/kfunc_site.hpp"

namespace skep::verify {

// The address of an entry in a map value.
Ruling<void> check_work(const KfuncSite& site, unsigned number, CallPlan& plan);
// A map; for an entry, the one that the entry lies in.
Ruling<void> check_map_argument(const KfuncSite& site, unsigned number, CallPlan& plan);
// The function that is run.
Ruling<void> plan_work(const KfuncSite& site, unsigned number, CallPlan& plan);

} // namespace skep::verify
