// SPDX-License-Identifier: Apache-2.0
//
// Map types: what a map may be, and what may be done with it.
//
// Columns of MAP_TYPE rows:
//   id          the number of linux/bpf.h
//   name        bpftool's word
//   key, value  how many bytes each may have (SizeRule: the words below)
//   entries     how many entries it may have (SizeRule)
//   required    flags of MAP_CREATE that must be set
//   optional    flags that may be set
//   types       what type information may come with it (enum MapTypes)
//   commands    what user space may do with its entries (enum MapCommand)
//   special     fields with a meaning of their own that its values may have (enum SpecialField)
//   sleepable   whether sleepable programs may use it
//   capability  what its maker needs beside CAP_BPF
//   support     what the user engine does with it
//   since       the first kernel with it
//   says        what it is
// Columns of MAP_HELPER rows: a helper that takes a map, and the types that it takes. No other pair
// is allowed; a helper without a row takes none.
//
// Source: what Linux 6.18 answers when asked. Proved by: map_types_test.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "skep/spec/support.hpp"
#include "skep/spec/type_set.hpp"

namespace skep::spec {

enum class MapType : std::uint32_t {
#define MAP_TYPE(id, name, ...) name = id,
#include "skep/spec/map_types.def"
};

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

// A number that may be from minimum to maximum in steps; too_big is the errno above the maximum.
struct SizeRule {
    std::uint64_t minimum = 0;
    std::uint64_t maximum = 0;
    std::uint32_t step = 1; // counted from the minimum
    int too_big = 22;       // EINVAL, or E2BIG
    bool power_of_two = false;

    constexpr bool operator==(const SizeRule&) const = default;
};

enum class MapTypes : std::uint8_t {
    any,         // BTF of key and value may be given; sizes must agree
    required,    // must be given
    none,        // refused with ENOTSUPP
    no_type_ids, // refused with EINVAL
    value_only,  // of the value alone
    structure,   // of the kernel's structure, by its id in vmlinux
};

// What user space may do with entries: bits.
enum MapCommand : std::uint16_t {
    kMapOnly = 0,
    kMapLookup = 1U << 0,
    kMapUpdate = 1U << 1,
    kMapDelete = 1U << 2,
    kMapNext = 1U << 3,
    kMapTake = 1U << 4, // lookup and delete
    kMapLookupBatch = 1U << 5,
    kMapUpdateBatch = 1U << 6,
    kMapDeleteBatch = 1U << 7,
    kMapTakeBatch = 1U << 8,
};

// Fields of a value with a meaning of their own: bits.
enum SpecialField : std::uint16_t {
    kNothingSpecial = 0,
    kSpinLock = 1U << 0,
    kTimer = 1U << 1,
    kPointer = 1U << 2, // to kernel objects
    kWorkQueue = 1U << 3,
    kList = 1U << 4,
    kTree = 1U << 5,
    kReferenceCount = 1U << 6,
    kTaskWork = 1U << 7,
    kResilientLock = 1U << 8,
    kUserPointer = 1U << 9,
};

enum class MapCapability : std::uint8_t { bpf, net_admin };
enum class MapInSleepable : std::uint8_t { refused, allowed };

struct MapTypeRow {
    MapType type;
    std::string_view name;
    SizeRule key;
    SizeRule value;
    SizeRule entries;
    std::uint32_t required_flags;
    std::uint32_t optional_flags;
    MapTypes types;
    std::uint16_t commands; // MapCommand
    std::uint16_t special;  // SpecialField
    MapInSleepable sleepable;
    MapCapability capability;
    Support support;
    std::string_view since;
    std::string_view says;
};

// The words of the columns.
namespace map_words {
inline constexpr int kTooBig = 7; // E2BIG
inline constexpr std::uint64_t kAnyNumber = 0xffffffffU;
inline constexpr SizeRule no_bytes{};
inline constexpr SizeRule any{1, 4194240, 1,
                              kTooBig}; // of a hash: key and value together, see below
inline constexpr SizeRule four{4, 4};
inline constexpr SizeRule four_or_eight{4, 8, 4};
inline constexpr SizeRule percpu{1, 32768, 1, kTooBig};
inline constexpr SizeRule stack_frames{8, 1016, 8};
inline constexpr SizeRule trie{5, 260};
inline constexpr SizeRule trie_value{1, 4194240};
inline constexpr SizeRule up_to_512{1, 512, 1, kTooBig};
inline constexpr SizeRule cgroup_key{8, 16, 8};
inline constexpr SizeRule below_64k{1, 65534, 1, kTooBig};
inline constexpr SizeRule array_value{1, 0x7fffffff, 1, kTooBig};
inline constexpr SizeRule no_entries{};
inline constexpr SizeRule one_entry{1, 1};
inline constexpr SizeRule some{1, kAnyNumber};
inline constexpr SizeRule any_but_last{1, kAnyNumber - 1, 1, kTooBig};
inline constexpr SizeRule below_2g{1, 0x7fffffff, 1, kTooBig};
inline constexpr SizeRule up_to_2g{1, 0x80000000U};
inline constexpr SizeRule cpus{1, 8192, 1, kTooBig}; // as many as the kernel was built for
inline constexpr SizeRule pages{4096, 0x80000000U, 1, 22, true};
inline constexpr SizeRule arena_pages{1, 1048576, 1, kTooBig};

inline constexpr std::uint32_t no_flags = 0;
inline constexpr std::uint32_t no_prealloc = kMapNoPrealloc;
inline constexpr std::uint32_t no_common_lru = kMapNoCommonLru;
inline constexpr std::uint32_t numa_node = kMapNumaNode;
inline constexpr std::uint32_t read_only = kMapReadOnly;
inline constexpr std::uint32_t write_only = kMapWriteOnly;
inline constexpr std::uint32_t stack_build_id = kMapStackBuildId;
inline constexpr std::uint32_t zero_seed = kMapZeroSeed;
inline constexpr std::uint32_t read_only_program = kMapReadOnlyProgram;
inline constexpr std::uint32_t write_only_program = kMapWriteOnlyProgram;
inline constexpr std::uint32_t clone = kMapClone;
inline constexpr std::uint32_t mmapable = kMapMmapable;
inline constexpr std::uint32_t preserve_elements = kMapPreserveElements;
inline constexpr std::uint32_t inner_map = kMapInnerMap;
inline constexpr std::uint32_t link = kMapLink;
inline constexpr std::uint32_t segv_on_fault = kMapSegvOnFault;
inline constexpr std::uint32_t no_user_conv = kMapNoUserConv;

inline constexpr MapTypes btf = MapTypes::any;
inline constexpr MapTypes btf_required = MapTypes::required;
inline constexpr MapTypes no_btf = MapTypes::none;
inline constexpr MapTypes no_type_ids = MapTypes::no_type_ids;
inline constexpr MapTypes value_btf = MapTypes::value_only;
inline constexpr MapTypes struct_btf = MapTypes::structure;

inline constexpr std::uint16_t map_only = kMapOnly;
inline constexpr std::uint16_t storage_commands = kMapLookup | kMapUpdate | kMapDelete;
inline constexpr std::uint16_t slot_commands = storage_commands | kMapNext;
inline constexpr std::uint16_t device_commands = slot_commands;
inline constexpr std::uint16_t socket_commands = slot_commands;
inline constexpr std::uint16_t all_commands =
    slot_commands | kMapTake | kMapLookupBatch | kMapUpdateBatch | kMapDeleteBatch | kMapTakeBatch;
inline constexpr std::uint16_t array_commands =
    kMapLookup | kMapUpdate | kMapNext | kMapLookupBatch | kMapUpdateBatch;
inline constexpr std::uint16_t event_commands = kMapUpdate | kMapDelete | kMapNext;
inline constexpr std::uint16_t xsk_commands = event_commands;
inline constexpr std::uint16_t stack_commands = kMapLookup | kMapDelete | kMapNext | kMapTake;
inline constexpr std::uint16_t trie_commands =
    slot_commands | kMapLookupBatch | kMapUpdateBatch | kMapDeleteBatch;
inline constexpr std::uint16_t outer_array_commands =
    slot_commands | kMapLookupBatch | kMapUpdateBatch;
inline constexpr std::uint16_t outer_hash_commands =
    slot_commands | kMapLookupBatch | kMapUpdateBatch | kMapDeleteBatch | kMapTakeBatch;
inline constexpr std::uint16_t cgroup_commands = kMapLookup | kMapUpdate | kMapNext;
inline constexpr std::uint16_t queue_commands = kMapLookup | kMapUpdate | kMapTake;
inline constexpr std::uint16_t struct_commands = slot_commands;
inline constexpr std::uint16_t bloom_commands = kMapLookup | kMapUpdate;

inline constexpr std::uint16_t nothing_special = kNothingSpecial;
inline constexpr std::uint16_t resilient_lock = kResilientLock;
inline constexpr std::uint16_t pointers_alone = kPointer | kReferenceCount | kResilientLock;
inline constexpr std::uint16_t pointers_and_lock = pointers_alone | kSpinLock;
inline constexpr std::uint16_t pointers_lock_and_uptr = pointers_and_lock | kUserPointer;
inline constexpr std::uint16_t pointers_and_work = pointers_alone | kTimer | kWorkQueue | kTaskWork;
inline constexpr std::uint16_t everything_special = pointers_and_work | kSpinLock | kList | kTree;

inline constexpr MapInSleepable sleepers = MapInSleepable::allowed;
inline constexpr MapInSleepable no_sleepers = MapInSleepable::refused;
inline constexpr MapCapability bpf = MapCapability::bpf;
inline constexpr MapCapability net_admin = MapCapability::net_admin;
} // namespace map_words

// The row of a type lies at the index of its number.
inline constexpr std::array kMapTypes = [] {
    using namespace map_words;
    return std::array{
#define MAP_TYPE(id, name, key, value, entries, required, optional, types, commands, special,      \
                 sleepable, capability, support, since, says)                                      \
    MapTypeRow{MapType::name, #name,   key,       value,      entries, required, optional, types,  \
               commands,      special, sleepable, capability, support, since,    says},
#include "skep/spec/map_types.def"
    };
}();

// The row, or null for a number that no kernel knows.
constexpr const MapTypeRow* find(MapType type) {
    const auto number = static_cast<std::size_t>(type);
    return number < kMapTypes.size() ? &kMapTypes.at(number) : nullptr;
}

// The type by bpftool's word.
constexpr std::optional<MapType> map_type_named(std::string_view name) {
    for (const MapTypeRow& row : kMapTypes) {
        if (row.name == name) {
            return row.type;
        }
    }
    return std::nullopt;
}

using MapTypeSet = TypeSet<MapType>;

// The map types that a helper takes; empty for one that takes no map.
MapTypeSet maps_of_helper(std::uint32_t helper);

// 0 when MAP_CREATE may make such a map, else the errno that it answers.
struct MapShape {
    MapType type = MapType::unspec;
    std::uint32_t key_bytes = 0;
    std::uint32_t value_bytes = 0;
    std::uint32_t entries = 0;
    std::uint32_t flags = 0;
};
int creation_errno(const MapShape& shape);

} // namespace skep::spec
