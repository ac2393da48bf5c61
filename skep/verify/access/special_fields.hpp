// SPDX-License-Identifier: Apache-2.0
//
// Fields of map values that only helpers and kfuncs may touch: locks, timers, kernel pointers,
// lists and trees. They are found by the names of their types in the value's BTF.
#pragma once

#include <string_view>
#include <vector>

#include "skep/verify/access/region.hpp"

namespace skep::verify {

struct SpecialField {
    std::string_view name; // of its type: "bpf_spin_lock"; "kptr" for tagged pointers
    std::uint32_t offset = 0;
    std::uint32_t size_bytes = 0;
};

// Those of a map's value, by offset; empty without BTF.
std::vector<SpecialField> special_fields(const Subject& subject, const spec::MapSpec& map);

// Whether values of the map hold a lock, so that it matters which value is which.
bool has_lock(const Subject& subject, const spec::MapSpec& map);

// Refuses plain accesses that overlap one. Precondition: the access lies inside the value.
Ruling<void> check_special_fields(const Subject& subject, const RegionRequest& request);

} // namespace skep::verify
