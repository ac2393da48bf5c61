// SPDX-License-Identifier: Apache-2.0
//
// May these bytes of a stack be touched?
#pragma once

#include "skep/verify/access/region.hpp"

namespace skep::verify {

// The lowest and highest offset from the frame's top at which an access may begin.
struct StackReach {
    std::int64_t min = 0;
    std::int64_t max = 0;
    [[nodiscard]] bool is_fixed() const { return min == max; }
};
StackReach stack_reach(const Value& pointer, std::int32_t offset);

Ruling<RegionUse> check_stack(const Subject& subject, const State& state,
                              const RegionRequest& request);

} // namespace skep::verify
