// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Helpers on maps. Which map fits which helper, the verifier has checked by
// map_types.def.
//
// Proved by: control_test.cpp; the maps' own comparison with the kernel.
#include <atomic>
#include <cerrno>

#include "skep/helpers/adapter.hpp"
#include "skep/maps/map.hpp"
#include "skep/maps/shared/value.hpp"
#include "skep/spec/maps/map_contents.hpp"

namespace skep::helpers {
namespace {

using maps::Map;
using spec::Helper;

// An element of a map of maps is an id; the program is to see the map.
const void* inner_map(Invocation& invocation, const std::uint8_t* slot) {
    const auto id =
        std::atomic_ref<std::uint32_t>(
            *reinterpret_cast<std::uint32_t*>(const_cast<std::uint8_t*>(slot))) // NOLINT: our slot
            .load(std::memory_order_acquire);
    const Services* services = invocation.services;
    if (id == 0 || services == nullptr || services->map_by_id == nullptr) {
        return nullptr;
    }
    return services->map_by_id(services->owner, id);
}

const void* map_lookup_elem(Invocation& invocation, Map& map, const std::uint8_t* key) {
    const std::uint8_t* value = map.lookup(key, invocation.cpu);
    return value != nullptr && spec::holds_maps(map.spec().type) ? inner_map(invocation, value)
                                                                 : value;
}

std::int64_t map_update_elem(Invocation& invocation, Map& map, const std::uint8_t* key,
                             const std::uint8_t* value, std::uint64_t flags) {
    return map.update(key, value, flags, invocation.cpu);
}

std::int64_t map_delete_elem(Invocation&, Map& map, const std::uint8_t* key) {
    return map.erase(key);
}

std::int64_t map_push_elem(Invocation&, Map& map, const std::uint8_t* value, std::uint64_t flags) {
    return map.push(value, flags);
}

std::int64_t map_pop_elem(Invocation&, Map& map, std::uint8_t* value) { return map.pop(value); }
std::int64_t map_peek_elem(Invocation&, Map& map, std::uint8_t* value) { return map.peek(value); }

const void* map_lookup_percpu_elem(Invocation&, Map& map, const std::uint8_t* key,
                                   std::uint32_t cpu) {
    return map.lookup(key, cpu);
}

// Elements that are added or removed meanwhile may or may not be met, as in the kernel.
std::int64_t for_each_map_elem(Invocation& invocation, Map& map, std::uint64_t callback,
                               std::uint64_t callback_context, std::uint64_t flags) {
    if (flags != 0) {
        return -EINVAL;
    }
    maps::Element element;
    std::int64_t visited = 0;
    for (std::uint64_t at = 0; map.element_from(at, invocation.cpu, element);) {
        ++visited;
        at = element.position + 1;
        const std::uint64_t stop =
            invocation.call_back(invocation, callback, to_register(&map), to_register(element.key),
                                 to_register(element.value), callback_context, 0);
        if (stop != 0) {
            break;
        }
    }
    return visited;
}

void spin_lock(Invocation&, std::uint32_t* lock) { maps::lock_value(lock); }
void spin_unlock(Invocation&, std::uint32_t* lock) { maps::unlock_value(lock); }

constexpr Row kRows[] = {
    {Helper::map_lookup_elem, kNative<map_lookup_elem>},
    {Helper::map_update_elem, kNative<map_update_elem>},
    {Helper::map_delete_elem, kNative<map_delete_elem>},
    {Helper::map_push_elem, kNative<map_push_elem>},
    {Helper::map_pop_elem, kNative<map_pop_elem>},
    {Helper::map_peek_elem, kNative<map_peek_elem>},
    {Helper::map_lookup_percpu_elem, kNative<map_lookup_percpu_elem>},
    {Helper::for_each_map_elem, kNative<for_each_map_elem>},
    {Helper::spin_lock, kNative<spin_lock>},
    {Helper::spin_unlock, kNative<spin_unlock>},
};

} // namespace

std::span<const Row> map_helpers() { return kRows; }

} // namespace skep::helpers
