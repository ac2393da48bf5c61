// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/calls/arguments/memory_arguments.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "skep/verify/access/types/typed_pointer.hpp"
#include "skep/verify/calls/arguments/argument_kinds.hpp"
#include "skep/verify/calls/arguments/object_arguments.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

using spec::ArgAccess;
using spec::ArgKind;

constexpr std::uint64_t kMaxSize = 1ULL << 29; // of a size argument, not included

bool writes(ArgAccess access) {
    return access == ArgAccess::write || access == ArgAccess::read_write;
}

// A kernel object that is alive may be read as its type says.
Ruling<void> object_as_memory(const CallSite& site, unsigned number, const Extent& extent) {
    TypedAccess read;
    read.reg = static_cast<Reg>(number);
    read.value = site.value(number);
    read.size_bytes = extent.size_bytes;
    TRY(check_typed_access(site.subject, site.state, read));
    return {};
}

// A helper fills stack bytes: they are known to be set afterwards, and what was spilled there is
// gone.
void plan_fill(const CallSite& site, unsigned number, const Extent& extent, CallPlan& plan) {
    const Value& value = site.value(number);
    if (!value.is(ValueKind::stack) || !writes(extent.access) || extent.size_bytes == 0) {
        return;
    }
    // With a variable offset any byte of the reach may be the first one filled.
    const Scalar& place = value.number;
    const auto reach = static_cast<std::uint32_t>(place.s.max - place.s.min);
    plan.fills.push_back({value.frame, static_cast<std::int32_t>(value.offset + place.s.min),
                          extent.size_bytes + reach});
}

struct Size {
    std::uint64_t least = 0;
    std::uint64_t greatest = 0;
    bool is_constant = false;
};

Ruling<Size> check_size(const CallSite& site, unsigned number) {
    const Scalar& size = site.value(number).number;
    if (size.s.min < 0) {
        return refuse(
            FindingCode::wrong_size, EACCES,
            fmt::format("R{} min value is negative, either use unsigned or 'var &= const'", number),
            fmt::format("R{} is a size for {} and may be as low as {}", number, site.name(),
                        size.s.min));
    }
    if (size.u.min == 0 && site.argument(number).kind == ArgKind::const_size) {
        Finding finding = refuse(
            FindingCode::wrong_size, EACCES,
            fmt::format("R{} invalid zero-sized read: u64=[{},{}]", number, size.u.min, size.u.max),
            fmt::format("R{} is a size for {} and may be zero", number, site.name()));
        finding.suggestion = "test that the size is not zero before the call";
        return finding;
    }
    if (size.u.max >= kMaxSize) {
        return refuse(
            FindingCode::wrong_size, EACCES,
            fmt::format("R{} unbounded memory access, use 'var &= const' or 'if (var < const)'",
                        number),
            fmt::format("R{} is a size for {} and may be as high as {}", number, site.name(),
                        size.u.max));
    }
    return Size{size.u.min, size.u.max, size.is_constant()};
}

const spec::MapSpec& map_of(const CallSite& site, const CallPlan& plan) {
    return site.subject.map(*plan.map);
}

Finding map_is_missing(const CallSite& site, unsigned number) {
    return refuse(FindingCode::wrong_argument, EACCES, "invalid map_ptr to access map->key",
                  fmt::format("argument {} of {} needs a map before it", number, site.name()));
}

// A key that is a known number: either a spilled number of exactly the key's size, or zero bytes.
std::optional<std::uint64_t> known_key(const CallSite& site, unsigned number,
                                       std::uint32_t key_bytes) {
    const Value& key = site.value(number);
    if (!key.is(ValueKind::stack) || !key.at_fixed_offset()) {
        return std::nullopt;
    }
    const auto offset =
        static_cast<std::int32_t>(key.offset + static_cast<std::int64_t>(key.number.value()));
    const Stack& stack = site.state.stack(key.frame);
    bool all_zero = true;
    for (std::uint32_t i = 0; i < key_bytes; ++i) {
        all_zero = all_zero && stack.byte(offset + static_cast<std::int32_t>(i)) == SlotByte::zero;
    }
    if (all_zero) {
        return 0;
    }
    const Slot& slot = stack.slot(Stack::slot_of(offset));
    const bool at_low_end = offset % static_cast<std::int32_t>(kSlotBytes) == 0;
    if (at_low_end && slot.is_spill() && slot.value.is_constant() &&
        slot.spilled_bytes() == key_bytes) {
        return slot.value.number.value();
    }
    return std::nullopt;
}

// A look-up in an array, per CPU or not, at an index that is there never fails; for loaders with
// CAP_BPF.
void note_known_key(const CallSite& site, unsigned number, CallPlan& plan) {
    const spec::MapSpec& map = map_of(site, plan);
    const bool is_array =
        map.type == spec::MapType::array || map.type == spec::MapType::percpu_array;
    if (!is_array || !site.subject.environment.capabilities.bpf ||
        site.argument(number).kind != ArgKind::map_key) {
        return;
    }
    const std::optional<std::uint64_t> key = known_key(site, number, map.key_size_bytes);
    if (key.has_value() && *key < map.max_entries) {
        plan.constant_key = static_cast<std::int64_t>(*key);
    }
}

} // namespace

Ruling<void> check_extent(const CallSite& site, unsigned number, const Extent& extent,
                          CallPlan& plan) {
    const Value& value = site.value(number);
    if (value.is(ValueKind::btf_object)) {
        return object_as_memory(site, number, extent);
    }
    if (!is_region(value)) {
        return refuse(FindingCode::not_known_yet, EACCES,
                      fmt::format("R{} type={} expected=fp", number, kind_text(value)),
                      "memory of this kind is passed to a function");
    }
    // What a function fills need not be set before, if it fills all of it.
    const bool fills_all = extent.access == ArgAccess::write && extent.exact;
    const RegionUse use =
        TRY(check_region(site.subject, site.state,
                         {.reg = static_cast<Reg>(number),
                          .value = value,
                          .size_bytes = extent.size_bytes,
                          .direction = writes(extent.access) ? Direction::write : Direction::read,
                          .accessor = Accessor::helper,
                          .before = fills_all ? Before::anything : Before::initialised}));
    if (use.offset_mattered) {
        plan.precise_regs = static_cast<std::uint16_t>(plan.precise_regs | (1U << number));
    }
    plan_fill(site, number, extent, plan);
    return {};
}

Ruling<void> check_key(const CallSite& site, unsigned number, CallPlan& plan) {
    if (!plan.map.has_value()) {
        return map_is_missing(site, number);
    }
    const std::uint32_t bytes = map_of(site, plan).key_size_bytes;
    if (bytes == 0) {
        return refuse(FindingCode::wrong_map, EACCES, "invalid zero-sized read",
                      "the map has no keys");
    }
    TRY(check_extent(site, number, {.size_bytes = bytes, .access = ArgAccess::read}, plan));
    note_known_key(site, number, plan);
    return {};
}

Ruling<void> check_map_value_argument(const CallSite& site, unsigned number, CallPlan& plan) {
    if (is_absent(site, number)) {
        return {};
    }
    if (!plan.map.has_value()) {
        return map_is_missing(site, number);
    }
    const spec::MapSpec& map = map_of(site, plan);
    if (map.type == spec::MapType::sockmap || map.type == spec::MapType::sockhash) {
        return check_socket_value(site, number);
    }
    if (map.value_size_bytes == 0) {
        return refuse(FindingCode::wrong_map, EACCES, "invalid zero-sized read",
                      "the map has no values");
    }
    // A bloom filter is asked about the value that is passed; the others fill it.
    const bool asks = map.type == spec::MapType::bloom_filter;
    const ArgAccess access = asks ? ArgAccess::read : site.argument(number).access;
    return check_extent(site, number, {.size_bytes = map.value_size_bytes, .access = access}, plan);
}

Ruling<void> check_fixed_memory(const CallSite& site, unsigned number, CallPlan& plan) {
    const spec::Arg& argument = site.argument(number);
    TRY(check_extent(site, number, {.size_bytes = argument.bytes, .access = argument.access},
                     plan));
    // What a function writes as a number must be aligned.
    const Value& value = site.value(number);
    const Tnum64 place = value.number.bits.plus(
        Tnum64::constant(static_cast<std::uint64_t>(std::int64_t{value.offset})));
    if (writes(argument.access) && (place.greatest() & (argument.bytes - 1U)) != 0) {
        const bool value_of_map = value.is(ValueKind::map_value);
        const std::string_view memory = value.is(ValueKind::stack) ? "stack "
                                        : value_of_map             ? "value "
                                                                   : "";
        return refuse(FindingCode::misaligned_access, EACCES,
                      fmt::format("misaligned {}access off {}+{}+0 size {}", memory,
                                  value.number.is_zero() ? "0" : bits_text(value.number.bits),
                                  value.offset, argument.bytes),
                      fmt::format("{} writes {} bytes there at once", site.name(), argument.bytes));
    }
    return {};
}

Ruling<std::uint32_t> check_size_argument(const CallSite& site, unsigned number, CallPlan& plan) {
    const Size size = TRY(check_size(site, number));
    plan.precise_regs = static_cast<std::uint16_t>(plan.precise_regs | (1U << number));
    return static_cast<std::uint32_t>(size.greatest); // below kMaxSize
}

Ruling<void> check_sized_memory_argument(const CallSite& site, unsigned number, CallPlan& plan) {
    const unsigned memory = number - 1;
    const spec::Arg& argument = site.argument(memory);
    if (is_absent(site, memory) && site.value(number).is_constant_zero()) {
        return {};
    }
    const Size size = TRY(check_size(site, number));
    plan.precise_regs = static_cast<std::uint16_t>(plan.precise_regs | (1U << number));
    if (site.helper.result.argument == number) {
        plan.size_argument = size.greatest;
    }
    if (is_absent(site, memory)) {
        return refuse(FindingCode::wrong_argument, EACCES,
                      fmt::format("R{} type=scalar expected=fp", memory),
                      fmt::format("no memory is given to {}, but a size of up to {}", site.name(),
                                  size.greatest));
    }
    return check_extent(site, memory,
                        {.size_bytes = static_cast<std::uint32_t>(size.greatest),
                         .access = argument.access,
                         .exact = size.is_constant},
                        plan);
}

} // namespace skep::verify
