// SPDX-License-Identifier: Apache-2.0
//
// The laws of map_types.def, and the checks against its rows.
#include "skep/spec/map_types.hpp"

#include <algorithm>
#include <bit>

#include "skep/base/kernel_errno.hpp"
#include "skep/spec/helpers.hpp"

namespace skep::spec {
namespace {

constexpr int kInvalid = 22; // EINVAL
constexpr int kTooBig = 7;   // E2BIG
constexpr std::uint64_t kHashBytes =
    4194304 - 48; // key and value, rounded up, beside the head of the element

static_assert([] {
    for (std::size_t i = 0; i < kMapTypes.size(); ++i) {
        const MapTypeRow& row = kMapTypes.at(i);
        if (static_cast<std::size_t>(row.type) != i || row.says.empty() || row.since.empty() ||
            (row.required_flags & row.optional_flags) != 0) {
            return false;
        }
    }
    return kMapTypes.size() < 64;
}());

namespace map_sets {
#define MAP_TYPE(id, name, ...) constexpr MapTypeSet name{MapType::name};
#include "skep/spec/map_types.def"
} // namespace map_sets

struct MapHelperRow {
    Helper helper;
    MapTypeSet maps;
};
constexpr std::array kMapHelpers = [] {
    using namespace map_sets;
    return std::array{
#define MAP_HELPER(helper, maps) MapHelperRow{Helper::helper, maps},
#include "skep/spec/map_types.def"
    };
}();
static_assert(std::ranges::is_sorted(kMapHelpers, {}, &MapHelperRow::helper));

int check(const SizeRule& rule, std::uint64_t number) {
    if (number > rule.maximum) {
        return rule.too_big;
    }
    const bool fits = number >= rule.minimum && (number - rule.minimum) % rule.step == 0 &&
                      (!rule.power_of_two || std::has_single_bit(number));
    return fits ? 0 : kInvalid;
}

bool is_hash(const MapTypeRow& row) { return row.entries == map_words::below_2g; }

constexpr std::uint64_t rounded_up(std::uint64_t bytes) { return (bytes + 7) / 8 * 8; }

int check_flags(const MapTypeRow& row, std::uint32_t flags) {
    // The least recently used go first by a list that is made beforehand.
    const bool is_lru = (row.optional_flags & kMapNoCommonLru) != 0;
    if (is_lru && (flags & kMapNoPrealloc) != 0) {
        return kNotSupported;
    }
    const bool both_ways =
        (flags & kMapReadOnlyProgram) != 0 && (flags & kMapWriteOnlyProgram) != 0;
    const bool neither = (flags & kMapReadOnly) != 0 && (flags & kMapWriteOnly) != 0;
    const std::uint32_t known =
        row.required_flags | row.optional_flags | kMapTokenFd | kMapVtypeBtfObjFd;
    const bool complete = (flags & row.required_flags) == row.required_flags;
    return complete && (flags & ~known) == 0 && !both_ways && !neither ? 0 : kInvalid;
}

} // namespace

MapTypeSet maps_of_helper(std::uint32_t helper) {
    const auto* at = std::ranges::lower_bound(kMapHelpers, static_cast<Helper>(helper), {},
                                              &MapHelperRow::helper);
    return at != kMapHelpers.end() && at->helper == static_cast<Helper>(helper) ? at->maps
                                                                                : MapTypeSet{};
}

int creation_errno(const MapShape& shape) {
    const MapTypeRow* row = find(shape.type);
    if (row == nullptr || shape.type == MapType::unspec) {
        return kInvalid;
    }
    if (const int wrong = check_flags(*row, shape.flags); wrong != 0) {
        return wrong;
    }
    if (const int wrong = check(row->entries, shape.entries); wrong == kInvalid) {
        return wrong;
    }
    const int answers[] = {check(row->key, shape.key_bytes), check(row->value, shape.value_bytes)};
    if (answers[0] == kInvalid || answers[1] == kInvalid) {
        return kInvalid;
    }
    // An array's value may be longer than a hash's, whose elements are single allocations.
    const bool too_long =
        is_hash(*row) ? rounded_up(shape.key_bytes) + rounded_up(shape.value_bytes) > kHashBytes
                      : answers[0] != 0 || answers[1] != 0;
    return too_long || answers[1] != 0 || check(row->entries, shape.entries) != 0 ? kTooBig : 0;
}

} // namespace skep::spec
