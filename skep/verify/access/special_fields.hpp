// SPDX-License-Identifier: Apache-2.0
//
// Fields of map values that only helpers and kfuncs may touch: locks, timers, kernel pointers,
// lists and trees. They are found by the names of their types in the value's BTF.
#pragma once

#include <string_view>
#include <vector>

#include "skep/verify/access/region.hpp"

namespace skep::verify {

// Those of a map's value, by offset; empty without BTF.
std::vector<SpecialField> special_fields(const Subject& subject, const spec::MapSpec& map);

// Whether values of the map hold a lock, so that it matters which value is which.
bool has_lock(const Subject& subject, const spec::MapSpec& map);

// Looks for those of every map once, so that accesses need not.
void note_special_fields(Subject& subject);

// Refuses plain accesses that overlap one. Precondition: the access lies inside the value.
Ruling<void> check_special_fields(const Subject& subject, const RegionRequest& request);

} // namespace skep::verify
