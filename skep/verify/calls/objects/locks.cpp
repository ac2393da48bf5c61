// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/calls/objects/locks.hpp"

#include <algorithm>

namespace skep::verify {

std::uint32_t allocation_of(const Value& value) {
    if (value.id != 0) {
        return value.id;
    }
    return value.is(ValueKind::map_value) ? kDirectLock | value.map().number : 0;
}

bool is_locked(const State& state, const Value& value) {
    const std::uint32_t allocation = allocation_of(value);
    const std::vector<Resource>& held = state.resources.held;
    return allocation != 0 &&
           std::any_of(held.begin(), held.end(), [allocation](const Resource& one) {
               const bool is_lock =
                   one.kind == ResourceKind::spin_lock || one.kind == ResourceKind::resilient_lock;
               return is_lock && one.object == allocation;
           });
}

void end_lent_objects(State& state) {
    state.update_values([](const Value& value) { return value.has(kNonOwning); },
                        [&state](Value& value) { value = state.left_of_pointer(); });
}

} // namespace skep::verify
