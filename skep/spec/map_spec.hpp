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

// Places in a value that are not plain bytes; whoever reads the map's BTF fills them in. Users read
// them as zero and cannot write them.
enum class FieldKind : std::uint8_t {
    spin_lock,
    res_spin_lock,
    timer,
    workqueue,
    task_work,
    refcount,
    kernel_pointer,
    list_head,
    tree_root,
};

struct ValueField {
    FieldKind kind = FieldKind::spin_lock;
    std::uint32_t offset_bytes = 0;
    std::uint32_t size_bytes = 0;
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
    std::vector<ValueField> value_fields; // by rising offset

    // Contents that can never change again (read-only for programs and frozen): the verifier folds
    // loads from them. Empty otherwise.
    std::vector<std::uint8_t> constant_value;
};

} // namespace skep::spec
