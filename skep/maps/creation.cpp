// SPDX-License-Identifier: Apache-2.0
//
// Which family makes which type. What MAP_CREATE asks of a type stands in its row of map_types.def.
//
// Proved by: kernel_comparison_test.cpp, which asks the running kernel the same questions; and that
// every type with a maker, and no other, is supported by its row.
#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "skep/maps/shared/family.hpp"

namespace skep::maps {
namespace {

using spec::MapType;

struct Maker {
    MapType type;
    MadeMap (*make)(Plan plan);
};

constexpr std::array kMakers{
    Maker{MapType::hash, make_hash},          Maker{MapType::array, make_array},
    Maker{MapType::prog_array, make_slots},   Maker{MapType::perf_event_array, make_slots},
    Maker{MapType::percpu_hash, make_hash},   Maker{MapType::percpu_array, make_percpu_array},
    Maker{MapType::lru_hash, make_hash},      Maker{MapType::lru_percpu_hash, make_hash},
    Maker{MapType::lpm_trie, make_trie},      Maker{MapType::array_of_maps, make_slots},
    Maker{MapType::hash_of_maps, make_hash},  Maker{MapType::devmap, make_slots},
    Maker{MapType::cpumap, make_slots},       Maker{MapType::xskmap, make_slots},
    Maker{MapType::queue, make_queue},        Maker{MapType::stack, make_queue},
    Maker{MapType::devmap_hash, make_hash},   Maker{MapType::ringbuf, make_ring},
    Maker{MapType::bloom_filter, make_bloom},
};

const Maker* maker_of(MapType type) {
    for (const Maker& maker : kMakers) {
        if (maker.type == type) {
            return &maker;
        }
    }
    return nullptr;
}

Error refused(int error_number, std::string why) {
    const Code code = error_number == E2BIG ? Code::too_big : Code::invalid_input;
    return Error{code, error_number, std::move(why)};
}

Result<void> check_extras(const spec::MapSpec& spec) {
    constexpr std::uint64_t kMostHashes = 15;
    const std::uint64_t extra_most = spec.type == MapType::bloom_filter ? kMostHashes : 0;
    if (spec.map_extra > extra_most) {
        return refused(EINVAL, fmt::format("map '{}': map_extra does not fit its type", spec.name));
    }
    const bool anywhere = spec.numa_node == 0 || spec.numa_node == ~0U;
    if ((spec.flags & spec::kMapNumaNode) != 0 && !anywhere) {
        return refused(
            EINVAL, fmt::format("map '{}': there is no NUMA node {}", spec.name, spec.numa_node));
    }
    return {};
}

MadeMap make(const spec::MapSpec& spec, std::uint32_t slot_count, Source source) {
    const spec::MapTypeRow* row = spec::find(spec.type);
    const int error_number = spec::creation_errno(
        {spec.type, spec.key_size_bytes, spec.value_size_bytes, spec.max_entries, spec.flags});
    if (row == nullptr || error_number != 0) {
        return refused(
            error_number,
            fmt::format("map '{}': key of {} bytes, value of {}, {} entries and flags {:#x} do "
                        "not make a map of type {}",
                        spec.name, spec.key_size_bytes, spec.value_size_bytes, spec.max_entries,
                        spec.flags, row == nullptr ? "that is not known" : row->name));
    }
    TRY(check_extras(spec));
    const Maker* maker = maker_of(spec.type);
    if (maker == nullptr) {
        return fail(Code::unsupported,
                    fmt::format("map '{}': the user engine does not carry maps of type {} yet",
                                spec.name, row->name));
    }
    constexpr std::uint32_t kMaxSlots = 4096;
    if (slot_count == 0 || slot_count > kMaxSlots) {
        return fail(Code::invalid_input,
                    fmt::format("{} CPUs: between 1 and {} make sense", slot_count, kMaxSlots));
    }
    return maker->make(Plan{spec, slot_count, std::move(source)});
}

} // namespace

bool has_maker(MapType type) { return maker_of(type) != nullptr; }

bool fits_template(const spec::MapSpec& shape, const spec::MapSpec& inner) {
    constexpr std::uint32_t kUserAccess = spec::kMapReadOnly | spec::kMapWriteOnly;
    const bool same = shape.type == inner.type && shape.key_size_bytes == inner.key_size_bytes &&
                      shape.value_size_bytes == inner.value_size_bytes &&
                      (shape.flags & ~kUserAccess) == (inner.flags & ~kUserAccess);
    const bool array_kind = inner.type == MapType::array || inner.type == MapType::percpu_array;
    const bool free_size = !array_kind || (inner.flags & spec::kMapInnerMap) != 0;
    return same && (free_size || shape.max_entries == inner.max_entries);
}

Result<std::unique_ptr<Map>> make_map(const spec::MapSpec& spec, std::uint32_t slot_count) {
    return make(spec, slot_count, Source{});
}

Result<std::unique_ptr<Map>> open_map(const spec::MapSpec& spec, std::uint32_t slot_count,
                                      MapFiles files) {
    return make(spec, slot_count, Source{std::move(files), true});
}

} // namespace skep::maps
