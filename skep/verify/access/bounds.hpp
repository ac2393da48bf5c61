// SPDX-License-Identifier: Apache-2.0
//
// Memory that begins at a known place and has a size: map values and keys, sized buffers; and
// packets, whose size is what a comparison has proved.
#pragma once

#include "skep/verify/access/region.hpp"

namespace skep::verify {

Ruling<RegionUse> check_packet(const Subject& subject, const RegionRequest& request);
Ruling<RegionUse> check_map_value(const Subject& subject, const RegionRequest& request);
Ruling<RegionUse> check_map_key(const Subject& subject, const RegionRequest& request);
Ruling<RegionUse> check_sized_memory(const Subject& subject, const RegionRequest& request);

// A block, named in messages as "map value, value_size=8".
struct Block {
    std::uint32_t bytes = 0;
    std::string_view name;
    std::string_view size_name;
};
// The access lies in the block for every number that the pointer's variable part may be.
Ruling<void> check_inside(const Block& block, const RegionRequest& request);

} // namespace skep::verify
