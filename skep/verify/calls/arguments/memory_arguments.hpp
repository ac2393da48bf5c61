// SPDX-License-Identifier: Apache-2.0
//
// Memory arguments: is there as much memory as the function touches, and may it?
//
// The extent of an argument is fixed by its row, by the map argument before it (keys and values),
// or by the size argument after it. A size is a number with bounds: the memory must be long enough
// for the greatest, and the number counts as relied upon.
#pragma once

#include "skep/verify/calls/call_site.hpp"

namespace skep::verify {

// Precondition of all: check_argument_kind passed for the argument, and the map argument before it,
// if any, is in the plan.
Ruling<void> check_key(const CallSite& site, unsigned number, CallPlan& plan);
Ruling<void> check_map_value_argument(const CallSite& site, unsigned number, CallPlan& plan);
Ruling<void> check_fixed_memory(const CallSite& site, unsigned number, CallPlan& plan);
// `number` is the size argument; the memory is the one before it.
Ruling<void> check_sized_memory_argument(const CallSite& site, unsigned number, CallPlan& plan);

// The same for the number alone: the greatest that it may be. It counts as relied upon.
Ruling<std::uint32_t> check_size_argument(const CallSite& site, unsigned number, CallPlan& plan);

// One extent of memory behind an argument. `exact`: so many bytes are touched, not fewer.
struct Extent {
    std::uint32_t size_bytes = 0;
    spec::ArgAccess access = spec::ArgAccess::read;
    bool exact = true;
};
Ruling<void> check_extent(const CallSite& site, unsigned number, const Extent& extent,
                          CallPlan& plan);

} // namespace skep::verify
