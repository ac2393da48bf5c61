// SPDX-License-Identifier: Apache-2.0
#include "skep/load/maps/map_rules.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include <fmt/format.h>

namespace skep::load {
namespace {

using spec::MapType;

// Map types that have no size of their own, or whose size is the number of CPUs.
constexpr std::array kWithoutEntries{MapType::sk_storage,     MapType::inode_storage,
                                     MapType::task_storage,   MapType::cgrp_storage,
                                     MapType::cgroup_storage, MapType::percpu_cgroup_storage,
                                     MapType::struct_ops,     MapType::perf_event_array};
constexpr std::uint32_t kPageBytes = 4096;

template <std::size_t size>
bool contains(const std::array<MapType, size>& list, MapType type) {
    return std::find(list.begin(), list.end(), type) != list.end();
}

// Types of keys and values, of which the creation of such a map wants to hear nothing.
bool refuses_types(MapType type) {
    const spec::MapTypeRow* row = spec::find(type);
    return row != nullptr &&
           (row->types == spec::MapTypes::none || row->types == spec::MapTypes::no_type_ids);
}

bool is_ring(MapType type) { return type == MapType::ringbuf || type == MapType::user_ringbuf; }

// The kernel wants a ring to be whole pages, a power of two of them.
std::uint32_t ring_bytes(std::uint32_t wanted) {
    return wanted > (1U << 31) ? wanted : std::bit_ceil(std::max(wanted, kPageBytes));
}

} // namespace

std::uint32_t add_map(Draft& draft, ObjectMap map) {
    spec::MapSpec& spec = map.spec;
    if (const auto given = draft.options.map_sizes.find(spec.name);
        given != draft.options.map_sizes.end()) {
        spec.max_entries = given->second;
    }
    if (spec.max_entries == 0 && !contains(kWithoutEntries, spec.type)) {
        spec.max_entries = is_ring(spec.type) ? kDefaultRingBytes : kDefaultEntries;
        draft.warn(
            fmt::format("map '{}' leaves its size open: {} taken; --map-size {}=N gives another",
                        spec.name, spec.max_entries, spec.name));
    }
    if (is_ring(spec.type)) {
        spec.max_entries = ring_bytes(spec.max_entries);
    }
    if (refuses_types(spec.type)) {
        spec.btf_key_type_id = 0;
        spec.btf_value_type_id = 0;
    }
    draft.spec.maps.push_back(std::move(map));
    return static_cast<std::uint32_t>(draft.spec.maps.size() - 1);
}

Pinning pinning_of(Draft& draft, const std::string& map_name, std::uint32_t value) {
    if (value > 1) {
        draft.warn(
            fmt::format("map '{}' asks for pinning {}, which is neither 0 (none) nor 1 (by name): "
                        "it is not pinned",
                        map_name, value));
    }
    return static_cast<Pinning>(value);
}

} // namespace skep::load
