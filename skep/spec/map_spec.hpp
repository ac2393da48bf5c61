// SPDX-License-Identifier: Apache-2.0
//
// What a map is to be: the attributes of MAP_CREATE as a plain record. load/ fills one from an
// object file, syscall/ from bpf(2), verify/ reads it, maps/ makes a store from it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "skep/spec/map_types.hpp"

namespace skep::spec {

// Flags of MAP_CREATE (linux/bpf.h).
enum MapFlag : std::uint32_t {
    kMapNoPrealloc = 1U << 0,
    kMapNoCommonLru = 1U << 1,
    kMapNumaNode = 1U << 2,
    kMapReadOnly = 1U << 3,  // for user space
    kMapWriteOnly = 1U << 4, // for user space
    kMapStackBuildId = 1U << 5,
    kMapZeroSeed = 1U << 6,
    kMapReadOnlyProgram = 1U << 7,
    kMapWriteOnlyProgram = 1U << 8,
    kMapClone = 1U << 9,
    kMapMmapable = 1U << 10,
    kMapPreserveElements = 1U << 11,
    kMapInnerMap = 1U << 12,
    kMapLink = 1U << 13,
    kMapPathFd = 1U << 14,
    kMapVtypeBtfObjFd = 1U << 15,
    kMapTokenFd = 1U << 16,
    kMapSegvOnFault = 1U << 17,
    kMapNoUserConv = 1U << 18,
};

struct MapSpec {
    std::string name; // as in the source; bpf(2) sees the first 15 bytes
    MapType type = MapType::unspec;
    std::uint32_t key_size_bytes = 0;
    std::uint32_t value_size_bytes = 0;
    std::uint32_t max_entries = 0;
    std::uint32_t flags = 0;
    std::uint32_t numa_node = 0;
    std::uint64_t map_extra = 0;
    std::uint32_t btf_key_type_id = 0;
    std::uint32_t btf_value_type_id = 0;
    std::uint32_t btf_vmlinux_value_type_id = 0;
    std::shared_ptr<const MapSpec> inner; // the shape of inner maps, for maps of maps

    // Contents that can never change again (read-only for programs and frozen): the verifier folds
    // loads from them. Empty otherwise.
    std::vector<std::uint8_t> constant_value;
};

} // namespace skep::spec
