// SPDX-License-Identifier: Apache-2.0
//
// Accesses to fields that only helpers and kfuncs may touch (state/special_fields).
#pragma once

#include "skep/verify/access/region.hpp"
#include "skep/verify/state/special_fields.hpp"

namespace skep::verify {

// Refuses plain accesses that overlap one. Precondition: the access lies inside the value.
Ruling<void> check_special_fields(const Subject& subject, const RegionRequest& request);

// The same for an object of the program.
Ruling<void> check_object_fields(const Subject& subject, const Value& object, std::int64_t begin,
                                 std::uint32_t size_bytes);

} // namespace skep::verify
