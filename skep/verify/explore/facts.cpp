// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explore/facts.hpp"

#include <algorithm>
#include <limits>

#include "skep/verify/explain/refusal.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

Region region_of(const Value& base) {
    switch (base.kind) {
    case ValueKind::stack:
        return Region::stack;
    case ValueKind::context:
        return Region::context;
    case ValueKind::packet:
        return Region::packet;
    case ValueKind::map_value:
        return Region::map_value;
    case ValueKind::memory:
        return Region::memory;
    case ValueKind::btf_object:
        return Region::kernel;
    case ValueKind::uninitialised:
    case ValueKind::scalar:
    case ValueKind::map_pointer:
    case ValueKind::map_key:
    case ValueKind::packet_meta:
    case ValueKind::packet_end:
    case ValueKind::flow_keys:
    case ValueKind::socket:
    case ValueKind::socket_common:
    case ValueKind::tcp_socket:
    case ValueKind::xdp_socket:
    case ValueKind::tracepoint_buffer:
    case ValueKind::buffer:
    case ValueKind::arena:
    case ValueKind::function:
    case ValueKind::dynptr:
        return Region::unknown;
    }
    return Region::unknown;
}

// These are translated when the program is loaded, each in its own way.
bool is_translated(ValueKind kind) {
    return kind == ValueKind::context || kind == ValueKind::socket ||
           kind == ValueKind::socket_common || kind == ValueKind::tcp_socket ||
           kind == ValueKind::xdp_socket || kind == ValueKind::btf_object ||
           kind == ValueKind::arena;
}

bool fits(std::int64_t number) {
    return number >= std::numeric_limits<std::int32_t>::min() &&
           number <= std::numeric_limits<std::int32_t>::max();
}

} // namespace

Facts::Facts(const Subject& subject)
    : subject_(subject), seen_(subject.insns.size()), stack_bytes_(subject.subprograms.size(), 0) {}

Ruling<void> Facts::accessed(const State& state, InsnIndex at, const Value& base) {
    Seen& seen = seen_[at.value];
    const Insn& insn = subject_.insn(at);
    if (seen.accessed && seen.base != base.kind &&
        (is_translated(seen.base) || is_translated(base.kind))) {
        return refuse({.code = FindingCode::mixed_pointers,
                       .os_errno = EINVAL,
                       .kernel = "same insn cannot be used with different pointers",
                       .because = "on one path the address is a pointer of another kind than on "
                                  "this one, where it is " +
                                  kind_text(base)});
    }
    const std::int64_t fixed = std::int64_t{base.offset} + insn.offset;
    std::int64_t low = std::numeric_limits<std::int64_t>::min();
    std::int64_t high = std::numeric_limits<std::int64_t>::max();
    if (!__builtin_add_overflow(base.number.s.min, fixed, &low) &&
        !__builtin_add_overflow(base.number.s.max, fixed, &high) && base.is(ValueKind::stack)) {
        used_stack(state.frame(base.frame).subprogram, low);
    }
    if (state.speculative) {
        return {};
    }
    const bool stores = insn.kind != InsnKind::load;
    writes_packet_ = writes_packet_ ||
                     (stores && (base.is(ValueKind::packet) || base.is(ValueKind::packet_meta)));
    InsnFacts& facts = seen.facts;
    const bool known = fits(low) && fits(high);
    const Region region = known ? region_of(base) : Region::unknown;
    const std::int32_t map = base.is(ValueKind::map_value) && !base.map().is_inner()
                                 ? static_cast<std::int32_t>(base.map().index())
                                 : -1;
    if (!seen.accessed) {
        facts.region = region;
        facts.offset_min = known ? static_cast<std::int32_t>(low) : 0;
        facts.offset_max = known ? static_cast<std::int32_t>(high) : 0;
        facts.map_index = map;
    } else if (facts.region != region) {
        facts.region = Region::unknown;
        facts.map_index = -1;
    } else if (known) {
        facts.offset_min = std::min(facts.offset_min, static_cast<std::int32_t>(low));
        facts.offset_max = std::max(facts.offset_max, static_cast<std::int32_t>(high));
        facts.map_index = facts.map_index == map ? map : -1;
    }
    seen.accessed = true;
    seen.base = base.kind;
    return {};
}

void Facts::used_stack(std::uint32_t subprogram, std::int64_t lowest_offset) {
    if (lowest_offset < 0 && lowest_offset >= -kStackBytes) {
        stack_bytes_[subprogram] =
            std::max(stack_bytes_[subprogram], static_cast<std::uint32_t>(-lowest_offset));
    }
}

void Facts::jumped(InsnIndex at, bool taken) {
    Seen& seen = seen_[at.value];
    seen.taken = seen.taken || taken;
    seen.fell_through = seen.fell_through || !taken;
}

void Facts::called(InsnIndex at, std::optional<MapRef> map) {
    Seen& seen = seen_[at.value];
    const std::int32_t index =
        map.has_value() && !map->is_inner() ? static_cast<std::int32_t>(map->index()) : -1;
    const std::uint32_t number = map.has_value() ? map->number : 0;
    seen.several_maps = seen.several_maps || (seen.mapped && seen.map != number);
    seen.map = number;
    seen.facts.map_index = !seen.mapped || seen.facts.map_index == index ? index : -1;
    seen.mapped = true;
}

void Facts::divided(InsnIndex at, const Value& divisor) {
    Seen& seen = seen_[at.value];
    const bool narrow = subject_.insn(at).width == Width::w32;
    const bool nonzero = divisor.origin == 0 && divisor.is_scalar() &&
                         (narrow ? divisor.number.u_low.min > 0 : divisor.number.u.min > 0);
    seen.facts.divisor_nonzero = nonzero && (!seen.divided || seen.facts.divisor_nonzero);
    seen.divided = true;
}

void Facts::produced(InsnIndex at, const Value& value) {
    Seen& seen = seen_[at.value];
    const bool sure = value.origin == 0 && value.is_constant();
    const auto constant = sure ? std::optional<std::uint64_t>(value.number.value()) : std::nullopt;
    const bool is_pointer =
        !value.is_scalar() && !value.is(ValueKind::uninitialised) && !value.may_be_null();
    seen.facts.produces_pointer = is_pointer && (!seen.produced || seen.facts.produces_pointer);
    if (!seen.produced) {
        seen.facts.constant = constant;
    } else if (seen.facts.constant != constant) {
        seen.facts.constant.reset();
    }
    seen.produced = true;
}

InsnFacts Facts::of(InsnIndex at) const {
    InsnFacts facts = seen_[at.value].facts;
    if (subject_.insn(at).kind == InsnKind::jump && seen_[at.value].reached) {
        facts.never_taken = !seen_[at.value].taken;
        facts.always_taken = !seen_[at.value].fell_through;
    }
    return facts;
}

} // namespace skep::verify
