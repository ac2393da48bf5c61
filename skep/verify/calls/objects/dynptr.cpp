// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/calls/objects/dynptr.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "skep/verify/explain/codes.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

Finding wrong(const DynptrArgument& argument, std::string kernel_message) {
    return refuse(FindingCode::wrong_object, EINVAL, std::move(kernel_message),
                  fmt::format("argument {} of {} is a dynptr", argument.number, argument.function));
}

std::string_view kind_name(DynptrKind kind) {
    switch (kind) {
    case DynptrKind::local:
        return "local";
    case DynptrKind::ringbuf:
        return "ringbuf";
    case DynptrKind::packet:
        return "skb";
    case DynptrKind::xdp:
        return "xdp";
    case DynptrKind::packet_metadata:
        return "skb_meta";
    case DynptrKind::none:
        break;
    }
    return "unknown";
}

std::int64_t place_of(const Value& value) {
    return value.offset + static_cast<std::int64_t>(value.number.value());
}

// A dynptr that was handed over is passed on as it is.
Ruling<void> check_unmoved(const DynptrArgument& argument) {
    const Value& value = argument.value();
    if (value.offset == 0 && value.number.is_zero()) {
        return {};
    }
    if (!value.at_fixed_offset()) {
        return refuse(FindingCode::wrong_argument, EACCES,
                      fmt::format("variable dynptr_ptr access var_off={} disallowed",
                                  bits_text(value.number.bits)),
                      "the dynptr's address was moved by a number that is not known");
    }
    const std::int64_t offset = place_of(value);
    return refuse(FindingCode::wrong_argument, EACCES,
                  offset < 0
                      ? fmt::format("negative offset dynptr_ptr ptr R{} off={} disallowed",
                                    argument.number, offset)
                      : fmt::format("dereference of modified dynptr_ptr ptr R{} off={} disallowed",
                                    argument.number, offset),
                  "the dynptr's address was moved");
}

Ruling<void> check_pointer(const DynptrArgument& argument) {
    const Value& value = argument.value();
    if (value.is(ValueKind::dynptr) && !value.may_be_null()) {
        return check_unmoved(argument);
    }
    if (!value.is(ValueKind::stack)) {
        return wrong(argument,
                     fmt::format("arg#{} expected pointer to stack or const struct bpf_dynptr",
                                 argument.number - 1));
    }
    return {};
}

// Why that is no space for one; the first line of two.
Finding no_space(const DynptrArgument& argument, std::string kernel_detail) {
    Finding finding = wrong(argument, "Dynptr has to be an uninitialized dynptr");
    finding.kernel_detail = std::move(kernel_detail);
    return finding;
}

// Where on the stack; an offset that is out of it is found by whoever touches the bytes.
Ruling<std::int64_t> check_place(const DynptrArgument& argument) {
    const Value& value = argument.value();
    if (!value.at_fixed_offset()) {
        return no_space(argument, "dynptr has to be at a constant offset");
    }
    const std::int64_t offset = place_of(value);
    if (offset % static_cast<std::int64_t>(kSlotBytes) != 0 ||
        offset > -static_cast<std::int64_t>(kDynptrBytes)) {
        return no_space(argument, fmt::format("cannot pass in dynptr at an offset={}", offset));
    }
    return offset;
}

} // namespace

Ruling<Value> check_dynptr(const DynptrArgument& argument, DynptrKind wanted) {
    TRY(check_pointer(argument));
    const Value& value = argument.value();
    Value identity = value;
    if (value.is(ValueKind::stack)) {
        if (!value.at_fixed_offset()) {
            return wrong(argument, "dynptr has to be at a constant offset");
        }
        const Value* found = dynptr_at(argument.state, value.frame, place_of(value));
        if (found == nullptr) {
            return wrong(argument, fmt::format("Expected an initialized dynptr as arg #{}",
                                               argument.number - 1));
        }
        identity = *found;
    }
    if (wanted != DynptrKind::none && static_cast<DynptrKind>(identity.subject) != wanted) {
        return wrong(argument, fmt::format("Expected a dynptr of type {} as arg #{}",
                                           kind_name(wanted), argument.number - 1));
    }
    return identity;
}

Ruling<void> check_dynptr_release(const DynptrArgument& argument) {
    const Value& value = argument.value();
    if (value.is(ValueKind::dynptr)) {
        return refuse(FindingCode::wrong_release, EINVAL, "cannot release unowned const bpf_dynptr",
                      "a dynptr that was handed over is its giver's to release");
    }
    const Value* found = value.is(ValueKind::stack) && value.at_fixed_offset()
                             ? dynptr_at(argument.state, value.frame, place_of(value))
                             : nullptr;
    if (found == nullptr || found->reference_id == 0) {
        return refuse(FindingCode::wrong_release, EINVAL,
                      fmt::format("arg {} is an unacquired reference", argument.number),
                      fmt::format("{} gives back what a reservation gave; R{} does not come from "
                                  "one",
                                  argument.function, argument.number));
    }
    return {};
}

Ruling<DynptrPlace> check_dynptr_space(const DynptrArgument& argument) {
    TRY(check_pointer(argument));
    const Value& value = argument.value();
    if (value.is(ValueKind::dynptr)) {
        return no_space(argument, {});
    }
    const std::int64_t offset = TRY(check_place(argument));
    if (offset < -kStackBytes) {
        return refuse(FindingCode::stack_access, EACCES,
                      fmt::format("invalid write to stack R{} off={} size={}", argument.number,
                                  offset, kSlotBytes),
                      "the dynptr would lie below the stack");
    }
    if (holds_referenced_dynptr(argument.state, value.frame, offset, offset + kDynptrBytes)) {
        return wrong(argument, "cannot overwrite referenced dynptr");
    }
    DynptrPlace place;
    place.frame = value.frame;
    place.offset = static_cast<std::int32_t>(offset);
    return place;
}

Value dynptr_slice(const Value& dynptr, std::uint32_t size_bytes, IdSource& ids) {
    const auto kind = static_cast<DynptrKind>(dynptr.subject);
    const bool is_packet = kind == DynptrKind::packet || kind == DynptrKind::xdp ||
                           kind == DynptrKind::packet_metadata;
    Value slice = Value::pointer(
        ValueKind::memory, kMaybeNull | (is_packet ? std::uint32_t{kFromDynptr} : 0U), size_bytes);
    slice.id = ids.next();
    slice.instance = dynptr.id;
    slice.reference_id = dynptr.reference_id;
    return slice;
}

void step_dynptrs(const CallPlan& plan, InsnIndex at, State& state, IdSource& ids) {
    if (!plan.new_dynptr.has_value()) {
        return;
    }
    Value identity = plan.new_dynptr->identity;
    identity.id = ids.next();
    if (plan.new_dynptr->acquires) {
        identity.reference_id = ids.next();
        state.resources.acquire(ResourceKind::reference, identity.reference_id, at);
    }
    make_dynptr(state, plan.new_dynptr->frame, plan.new_dynptr->offset, identity);
}

} // namespace skep::verify
