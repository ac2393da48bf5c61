// SPDX-License-Identifier: Apache-2.0
//
// What every map of an object goes through, however it was written down: sizes given by the user,
// defaults for sizes left 0, and which map types take BTF ids at all.
#pragma once

#include "skep/load/draft.hpp"

namespace skep::load {

// Entries of a map whose size was left 0 and that cannot do without.
inline constexpr std::uint32_t kDefaultEntries = 1024;
inline constexpr std::uint32_t kDefaultRingBytes = 256 * 1024;

inline constexpr std::uint64_t kMaxDataBytes = 1U << 30; // of one global-data section

// The name of a global-data map: see data_maps.cpp.
std::string data_map_name(std::string_view file, std::string_view section);

// Applies --map-size and the defaults, and says so in the warnings; adds the map to the draft and
// returns its place.
std::uint32_t add_map(Draft& draft, ObjectMap map);

// LIBBPF_PIN_BY_NAME or nothing; other values are kept and reported.
Pinning pinning_of(Draft& draft, const std::string& map_name, std::uint32_t value);

} // namespace skep::load
