// SPDX-License-Identifier: Apache-2.0
//
// The rows were measured on Linux 6.18 (the tables that issue 2 names). Sizes of value types that name
// things by descriptor are those of the descriptor or of a {number, program} pair.
//
// Proved by: creation_test.cpp, which asks the running kernel the same questions.
#include "skep/maps/creation.hpp"

#include <array>
#include <cerrno>
#include <limits>

#include <fmt/format.h>

namespace skep::maps {
namespace {

using spec::MapType;
static_assert(Bounds::EINVAL_ == EINVAL);

constexpr std::uint32_t kAnyNumber = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint32_t kUser = spec::kMapReadOnly | spec::kMapWriteOnly;
constexpr std::uint32_t kProgram = spec::kMapReadOnlyProgram | spec::kMapWriteOnlyProgram;
constexpr std::uint32_t kNuma = spec::kMapNumaNode;
constexpr std::uint32_t kSeed = spec::kMapZeroSeed;

constexpr std::uint32_t kMaxHashEntries = 0x7fffffff;
constexpr std::uint32_t kMaxValue = 0x3ffe00; // the largest allocation of the kernel, about 4 MiB
constexpr std::uint32_t kMaxCpuValue = 32768;
constexpr std::uint32_t kMaxCpus = 256;
constexpr std::uint32_t kPage = 4096;
constexpr std::uint32_t kMaxArrayValue = 0x7fffffff;

constexpr Bounds kIndex{4, 4, EINVAL};
constexpr Bounds kNoKey{0, 0, EINVAL};
constexpr Bounds kWord{4, 4, EINVAL};
constexpr Bounds kWordOrPair{4, 8, EINVAL, 4};
constexpr Bounds kSomeEntries{1, kAnyNumber, E2BIG};
constexpr Bounds kHashEntries{1, kMaxHashEntries, E2BIG};
constexpr Bounds kHashKey{1, kMaxValue, E2BIG};
constexpr Bounds kValue{1, kMaxValue, E2BIG};
constexpr Bounds kCpuValue{1, kMaxCpuValue, E2BIG};

// clang-format off
constexpr std::array kRows{
    //          type                       key        value        entries       flags allowed                                        required                maker
    CreationRow{MapType::hash,             kHashKey,  kValue,      kHashEntries, kNuma | kUser | kProgram | kSeed | spec::kMapNoPrealloc, 0,                   make_hash},
    CreationRow{MapType::array,            kIndex,    {1, kMaxArrayValue, E2BIG}, kSomeEntries, kNuma | kUser | kProgram | spec::kMapMmapable | spec::kMapInnerMap, 0, make_array},
    CreationRow{MapType::prog_array,       kIndex,    kWord,       kSomeEntries, kNuma | kUser,                                       0,                      make_slots},
    CreationRow{MapType::perf_event_array, kIndex,    kWord,       kSomeEntries, kNuma | kUser | spec::kMapPreserveElements,          0,                      make_slots},
    CreationRow{MapType::percpu_hash,      kHashKey,  kCpuValue,   kHashEntries, kUser | kProgram | kSeed | spec::kMapNoPrealloc,     0,                      make_hash},
    CreationRow{MapType::percpu_array,     kIndex,    kCpuValue,   kSomeEntries, kUser | kProgram,                                    0,                      make_percpu_array},
    CreationRow{MapType::lru_hash,         kHashKey,  kValue,      kHashEntries, kNuma | kUser | kProgram | kSeed | spec::kMapNoCommonLru, 0,                 make_hash},
    CreationRow{MapType::lru_percpu_hash,  kHashKey,  kCpuValue,   kHashEntries, kUser | kProgram | kSeed | spec::kMapNoCommonLru,    0,                      make_hash},
    CreationRow{MapType::array_of_maps,    kIndex,    kWord,       kSomeEntries, kNuma | kUser,                                       0,                      make_slots},
    CreationRow{MapType::hash_of_maps,     kHashKey,  kWord,       kHashEntries, kNuma | kUser | kProgram | kSeed | spec::kMapNoPrealloc, 0,                  make_hash},
    CreationRow{MapType::devmap,           kIndex,    kWordOrPair, kSomeEntries, kNuma | kUser,                                       0,                      make_slots},
    CreationRow{MapType::cpumap,           kIndex,    kWordOrPair, {1, kMaxCpus, E2BIG}, kNuma,                                       0,                      make_slots},
    CreationRow{MapType::xskmap,           kIndex,    kWord,       kSomeEntries, kNuma | kUser,                                       0,                      make_slots},
    CreationRow{MapType::queue,            kNoKey,    kValue,      kSomeEntries, kNuma | kUser | kProgram,                            0,                      make_queue},
    CreationRow{MapType::stack,            kNoKey,    kValue,      kSomeEntries, kNuma | kUser | kProgram,                            0,                      make_queue},
    CreationRow{MapType::devmap_hash,      kIndex,    kWordOrPair, {1, 0x80000000, EINVAL}, kNuma | kUser,                            0,                      make_hash},
    CreationRow{MapType::ringbuf,          kNoKey,    kNoKey,      {kPage, kAnyNumber, EINVAL, kPage}, kNuma,                         0,                      make_ring},
    CreationRow{MapType::bloom_filter,     kNoKey,    kValue,      kSomeEntries, kNuma | kUser | kProgram | kSeed,                    0,                      make_bloom},
};
// clang-format on

constexpr bool contradicts(std::uint32_t flags) {
    return (flags & kUser) == kUser || (flags & kProgram) == kProgram;
}

Error refused(const spec::MapSpec& spec, int error_number, std::string_view why) {
    Error error = fail(error_number == E2BIG ? Code::too_big : Code::invalid_input,
                       fmt::format("map '{}' of type {}: {}", spec.name, spec::find(spec.type)->name, why));
    error.os_errno = error_number;
    return error;
}

Result<void> check_sizes(const spec::MapSpec& spec, const CreationRow& row) {
    if (const int error = row.key.check(spec.key_size_bytes); error != 0) {
        return refused(spec, error, fmt::format("a key cannot have {} bytes", spec.key_size_bytes));
    }
    if (const int error = row.value.check(spec.value_size_bytes); error != 0) {
        return refused(spec, error, fmt::format("a value cannot have {} bytes", spec.value_size_bytes));
    }
    if (const int error = row.entries.check(spec.max_entries); error != 0) {
        return refused(spec, error, fmt::format("max_entries cannot be {}", spec.max_entries));
    }
    const bool hashes = row.key.most == kMaxValue;
    if (hashes && std::uint64_t{spec.key_size_bytes} + spec.value_size_bytes > kMaxValue) {
        return refused(spec, E2BIG, "key and value together are too large");
    }
    if (spec.type == MapType::ringbuf && (spec.max_entries & (spec.max_entries - 1)) != 0) {
        return refused(spec, EINVAL, "the size must be a power of two");
    }
    return {};
}

} // namespace

const CreationRow* creation_row(MapType type) {
    for (const CreationRow& row : kRows) {
        if (row.type == type) {
            return &row;
        }
    }
    return nullptr;
}

Result<void> check_creation(const spec::MapSpec& spec) {
    const spec::MapTypeRow* known = spec::find(spec.type);
    if (known == nullptr || spec.type == MapType::unspec) {
        return fail(Code::invalid_input, fmt::format("there is no map type {}", static_cast<std::uint32_t>(spec.type)));
    }
    const CreationRow* row = creation_row(spec.type);
    if (row == nullptr) {
        return fail(Code::unsupported, fmt::format("maps of type {} are not carried by the user engine yet", known->name));
    }
    constexpr std::uint32_t kLru = spec::kMapNoPrealloc;
    const bool lru = spec.type == MapType::lru_hash || spec.type == MapType::lru_percpu_hash;
    if (lru && (spec.flags & kLru) != 0) {
        return refused(spec, kNotSupported, "an LRU map is always preallocated");
    }
    if ((spec.flags & ~row->flags_allowed) != 0 || (spec.flags & row->flags_required) != row->flags_required ||
        contradicts(spec.flags)) {
        return refused(spec, EINVAL, fmt::format("flags {:#x} do not fit this type", spec.flags));
    }
    const std::uint64_t extra_most = spec.type == MapType::bloom_filter ? 15 : 0;
    if (spec.map_extra > extra_most) {
        return refused(spec, EINVAL, "map_extra does not fit this type");
    }
    if ((spec.flags & kNuma) != 0 && spec.numa_node != 0 && spec.numa_node != kAnyNumber) {
        return refused(spec, EINVAL, "there is no such NUMA node");
    }
    return check_sizes(spec, *row);
}

bool has_maker(MapType type) { return creation_row(type) != nullptr; }

namespace {

MadeMap make(const spec::MapSpec& spec, std::uint32_t slot_count, Source source) {
    if (Result<void> checked = check_creation(spec); !checked.ok()) {
        return std::move(checked).error();
    }
    constexpr std::uint32_t kMaxSlots = 4096;
    if (slot_count == 0 || slot_count > kMaxSlots) {
        return fail(Code::invalid_input, fmt::format("{} CPUs: between 1 and {} make sense", slot_count, kMaxSlots));
    }
    return creation_row(spec.type)->maker(Plan{spec, slot_count, std::move(source)});
}

} // namespace

Result<std::unique_ptr<Map>> make_map(const spec::MapSpec& spec, std::uint32_t slot_count) {
    return make(spec, slot_count, Source{});
}

Result<std::unique_ptr<Map>> open_map(const spec::MapSpec& spec, std::uint32_t slot_count, MapFiles files) {
    return make(spec, slot_count, Source{std::move(files), true});
}

} // namespace skep::maps
