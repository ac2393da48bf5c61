// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/transfer/branch/null_check.hpp"

#include "skep/spec/maps/map_contents.hpp"
#include "skep/verify/state/special_fields.hpp"

namespace skep::verify {
namespace {

// What a look-up found depends on what the map holds.
void found(const Subject& subject, Value& value) {
    value.flags &= ~static_cast<std::uint32_t>(kMaybeNull);
    if (value.is(ValueKind::map_value)) {
        const spec::MapSpec& map = subject.map(value.map());
        if (spec::holds_maps(map.type) && map.inner != nullptr && !value.map().is_inner()) {
            // Which inner map it is only the look-up knows: its id tells them apart.
            const std::uint32_t lookup = value.id;
            value = Value::pointer(ValueKind::map_pointer, 0, value.map().inner().number);
            value.instance = lookup;
        } else if (spec::contents_of(map.type) == spec::MapContents::xdp_sockets) {
            value.kind = ValueKind::xdp_socket;
            value.subject = 0;
        } else if (spec::holds_sockets(map.type)) {
            value.kind = ValueKind::socket;
            value.subject = 0;
        }
    }
    const bool may_hold_lock = value.is(ValueKind::map_value) || value.has(kAllocated);
    if (may_hold_lock && has_lock(subject, value)) {
        return; // its id tells this value's lock from another's
    }
    value.id = 0;
}

} // namespace

bool never_null(const Value& value) {
    if (value.may_be_null() || value.has(kUntrusted)) {
        return false;
    }
    switch (value.kind) {
    case ValueKind::socket:
    case ValueKind::socket_common:
    case ValueKind::tcp_socket:
    case ValueKind::map_value:
    case ValueKind::map_key:
    case ValueKind::map_pointer:
    case ValueKind::memory:
        return true;
    case ValueKind::btf_object:
        return value.has(kTrusted) || value.reference_id != 0;
    case ValueKind::uninitialised:
    case ValueKind::scalar:
    case ValueKind::context:
    case ValueKind::stack:
    case ValueKind::packet_meta:
    case ValueKind::packet:
    case ValueKind::packet_end:
    case ValueKind::flow_keys:
    case ValueKind::xdp_socket:
    case ValueKind::tracepoint_buffer:
    case ValueKind::buffer:
    case ValueKind::arena:
    case ValueKind::function:
    case ValueKind::dynptr:
        return false;
    }
    return false;
}

void learn_null(const Subject& subject, State& state, const Value& pointer, Nullness nullness) {
    const std::uint32_t id = pointer.id;
    const std::uint32_t reference = pointer.reference_id;
    const auto same = [id](const Value& value) {
        return value.id == id && value.is_pointer() && value.may_be_null();
    };
    if (nullness == Nullness::not_null) {
        state.update_values(same, [&subject](Value& value) { found(subject, value); });
        return;
    }
    state.update_values(same, [](Value& value) { value = Value::constant(0); });
    // Nothing was acquired after all. (A pointer made from another one names that one's reference,
    // which its own being null says nothing about.)
    if (reference != 0 && reference == id) {
        state.resources.release(reference);
    }
}

void learn_not_null(const Subject& subject, State& state, Reg reg) {
    Value value = state.reg(reg);
    found(subject, value);
    state.set_reg(reg, value);
}

} // namespace skep::verify
