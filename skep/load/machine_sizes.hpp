// SPDX-License-Identifier: Apache-2.0
//
// Sizes that an object file may leave to the machine which makes its maps.
#pragma once

#include <algorithm>
#include <bit>

#include "skep/spec/map_spec.hpp"

namespace skep::load {

// Arrays of perf events have an entry for each CPU; ring buffers a power of two of bytes, a page at
// least.
inline spec::MapSpec fit_to_machine(spec::MapSpec map, std::uint32_t cpus,
                                    std::uint32_t page_bytes) {
    if (map.type == spec::MapType::perf_event_array && map.max_entries == 0) {
        map.max_entries = cpus;
    }
    if (map.type == spec::MapType::ringbuf || map.type == spec::MapType::user_ringbuf) {
        const std::uint32_t wanted = std::max(map.max_entries, page_bytes);
        map.max_entries = wanted <= (1U << 31) ? std::bit_ceil(wanted) : wanted;
    }
    return map;
}

} // namespace skep::load
