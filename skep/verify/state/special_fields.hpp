// SPDX-License-Identifier: Apache-2.0
//
// Fields of map values, and of objects that programs allocate, that only helpers and kfuncs may
// touch: locks, timers, kernel pointers, lists and trees. They are found by the names and tags of
// their types in the program's BTF, once for each type.
#pragma once

#include <optional>
#include <vector>

#include "skep/verify/state/subject.hpp"
#include "skep/verify/state/value.hpp"

namespace skep::verify {

inline constexpr std::uint32_t kSpecialPointerBytes = 8;

// Those of a map's value, by offset; empty without BTF.
const std::vector<SpecialField>& special_fields(const Subject& subject, const spec::MapSpec& map);

// Those of the map value or of the object of the program's own types that it points at.
const std::vector<SpecialField>& special_fields(const Subject& subject, const Value& value);

// The one that begins exactly there.
std::optional<SpecialField> field_at(const Subject& subject, const Value& value,
                                     std::int64_t offset);

// Whether the map value or object holds a lock, so that it matters which one it is.
bool has_lock(const Subject& subject, const Value& value);

} // namespace skep::verify
