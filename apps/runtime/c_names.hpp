// SPDX-License-Identifier: Apache-2.0
//
// C has names for our objects and sees no more of them than the address: here the two meet.
#pragma once

#include "apps/runtime/skep_runtime.h"
#include "skep/helpers/invocation.hpp"
#include "skep/maps/map.hpp"

namespace skep::runtime {

inline maps::Map& map_of(skep_map* map) {
    return *static_cast<maps::Map*>(static_cast<void*>(map));
}
inline skep_map* name_of(maps::Map* map) { return static_cast<skep_map*>(static_cast<void*>(map)); }
inline skep_run* name_of(helpers::Invocation* run) {
    return static_cast<skep_run*>(static_cast<void*>(run));
}
inline const std::uint8_t* bytes_of(const void* memory) {
    return static_cast<const std::uint8_t*>(memory);
}
inline std::uint8_t* bytes_of(void* memory) { return static_cast<std::uint8_t*>(memory); }

} // namespace skep::runtime
