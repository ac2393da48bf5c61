// SPDX-License-Identifier: Apache-2.0
//
// Fields of map values, and of objects that programs allocate, that only helpers and kfuncs may
// touch: locks, timers, kernel pointers, lists and trees. They are found by the names and tags of
// their types in the program's BTF.
#pragma once

#include <optional>
#include <vector>

#include "skep/verify/access/region.hpp"

namespace skep::verify {

// Those of a map's value, by offset; empty without BTF.
std::vector<SpecialField> special_fields(const Subject& subject, const spec::MapSpec& map);

// Those of the map value or of the object of the program's own types that it points at.
std::vector<SpecialField> special_fields(const Subject& subject, const Value& value);

// The one that begins exactly there.
std::optional<SpecialField> field_at(const Subject& subject, const Value& value,
                                     std::int64_t offset);

// Whether the map value or object holds a lock, so that it matters which one it is.
bool has_lock(const Subject& subject, const Value& value);

// Looks for those of every map once, so that accesses need not.
void note_special_fields(Subject& subject);

// Refuses plain accesses that overlap one. Precondition: the access lies inside the value.
Ruling<void> check_special_fields(const Subject& subject, const RegionRequest& request);

// The same for an object of the program.
Ruling<void> check_object_fields(const Subject& subject, const Value& object, std::int64_t begin,
                                 std::uint32_t size_bytes);

} // namespace skep::verify
