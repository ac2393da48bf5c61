// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/transfer/stack_memory.hpp"

#include <fmt/format.h>

#include "skep/verify/access/secrets.hpp"
#include "skep/verify/access/stack.hpp"
#include "skep/verify/explain/refusal.hpp"
#include "skep/verify/state/dynptrs.hpp"
#include "skep/verify/transfer/alu.hpp"
#include "skep/verify/transfer/arithmetic.hpp"

namespace skep::verify {
namespace {

StackReach reach_of(const Value& base, const Insn& insn) { return stack_reach(base, insn.offset); }

bool slot_aligned(int offset) { return offset % static_cast<int>(kSlotBytes) == 0; }

Finding wrong_width(std::string_view what, std::string_view kernel, std::string because) {
    return refuse({.code = FindingCode::stack_access,
                   .kernel = std::string(kernel),
                   .what = std::string(what),
                   .because = std::move(because),
                   .suggestion = "pointers are kept on the stack in eight aligned bytes"});
}

// Which kinds the bytes of a fixed access are of.
struct Census {
    unsigned zero = 0;
    unsigned spilled_zero = 0;
    unsigned total = 0;
};
Census census(const Stack& stack, std::int64_t begin, std::int64_t end) {
    Census counts;
    for (std::int64_t at = begin; at < end; ++at) {
        const Slot& slot = stack.slot(Stack::slot_of(static_cast<int>(at)));
        const SlotByte byte = slot.bytes[Stack::byte_of(static_cast<int>(at))];
        counts.zero += byte == SlotByte::zero ? 1U : 0U;
        counts.spilled_zero += byte == SlotByte::spill && slot.value.is_constant_zero() ? 1U : 0U;
        ++counts.total;
    }
    return counts;
}

// The low end of a spilled number, as much of it as is read.
Value narrowed(const Value& spilled, unsigned size_bytes) {
    Value value = spilled;
    if (size_bytes < kSlotBytes) {
        if (value.number.u.max >= (std::uint64_t{1} << (size_bytes * 8))) {
            value.id = 0;
            value.offset = 0;
            value.linked_by_delta = false;
        }
        value.number.keep_low_bits(size_bytes * 8);
    }
    return value;
}

// What the slot there holds, when it is a spilled value.
Value spilled_at(const State& state, unsigned frame, const StackReach& reach) {
    const Slot& slot = state.stack(frame).slot(Stack::slot_of(static_cast<int>(reach.min)));
    return slot.is_spill() ? slot.value : Value::uninitialised();
}

void store_variable(Workspace& workspace, State& state, const Value& base, const Insn& insn,
                    const StoredValue& stored) {
    const StackReach reach = reach_of(base, insn);
    const bool zero = stored.value.has_value() && stored.value->is_constant_zero();
    if (zero) {
        workspace.need(*stored.value);
    }
    Stack& stack = state.stack_for_write(base.frame);
    for (std::int64_t at = reach.min; at < reach.max + insn.size_bytes; ++at) {
        const bool survives = zero && stack.byte(static_cast<int>(at)) == SlotByte::zero;
        if (!survives) {
            stack.set_bytes(static_cast<int>(at), 1, SlotByte::misc);
        }
    }
}

// Of numbers on the stack nothing is kept for loaders without CAP_BPF, but whether they are zero.
bool is_spillable(const Subject& subject, const Value& value, int offset, unsigned size_bytes) {
    return value.is_scalar() ? slot_aligned(offset) && subject.environment.capabilities.bpf
                             : size_bytes == kSlotBytes;
}

// What the slot then holds. The register that it comes from may be linked with it.
Value spilled(Workspace& workspace, State& state, const StoredValue& stored, unsigned size) {
    Value value = *stored.value;
    if (value.is_scalar()) {
        const bool fits =
            size == kSlotBytes || value.number.u.max < (std::uint64_t{1} << (size * 8));
        if (fits && stored.from.has_value() && !value.is_constant() &&
            (value.id == 0 || value.linked_by_delta)) {
            link_before_copy(workspace, state.reg_for_write(*stored.from));
            value = state.reg(*stored.from);
        }
        if (!fits) {
            value.id = 0;
            value.offset = 0;
            value.linked_by_delta = false;
        }
    }
    return value;
}

} // namespace

Ruling<void> check_stack_store(const Subject& subject, const State& state,
                               const RegionRequest& request, const Insn& insn) {
    const StackReach reach = stack_reach(request.value, request.offset);
    if (reach.is_fixed() && request.size_bytes != kSlotBytes &&
        is_secret(subject, spilled_at(state, request.value.frame, reach))) {
        return refuse(
            {.code = FindingCode::pointer_leak,
             .kernel = "attempt to corrupt spilled pointer on stack",
             .what = "a part of a pointer on the stack is overwritten",
             .because = fmt::format("fp{:+} holds a pointer, and what is left of it could "
                                    "be read as a number",
                                    reach.min)});
    }
    if (holds_referenced_dynptr(state, request.value.frame, reach.min,
                                reach.max + request.size_bytes)) {
        return refuse(
            {.code = FindingCode::stack_access,
             .os_errno = EINVAL,
             .kernel = "cannot overwrite referenced dynptr",
             .what = "a dynptr that must be given back is overwritten",
             .because = fmt::format("a dynptr with a reference lies at fp{:+}", reach.min),
             .suggestion = "submit or discard it first"});
    }
    const bool plain_store =
        insn.kind == InsnKind::store_reg ||
        (insn.kind == InsnKind::atomic && insn.atomic_op == AtomicOp::store_rel);
    if (!plain_store || !reach.is_fixed()) {
        return {};
    }
    const Value& value = state.reg(insn.src);
    if (!value.is_pointer()) {
        return {};
    }
    if (request.size_bytes != kSlotBytes) {
        return wrong_width("a part of a pointer is stored", "invalid size of register spill",
                           fmt::format("R{} is a pointer and {} bytes of it are stored", insn.src,
                                       request.size_bytes));
    }
    if (value.is(ValueKind::stack) && request.value.frame != state.depth()) {
        return refuse({.code = FindingCode::stack_access,
                       .os_errno = EINVAL,
                       .kernel = "cannot spill pointers to stack into stack frame of the caller",
                       .what = "a pointer into the stack is stored in the caller's frame",
                       .because = "it would outlive the frame that it points into"});
    }
    return {};
}

Ruling<void> check_stack_load(const Subject& subject, const State& state,
                              const RegionRequest& request, const Insn& insn) {
    const StackReach reach = stack_reach(request.value, request.offset);
    if (!reach.is_fixed()) {
        return {};
    }
    const Slot& slot =
        state.stack(request.value.frame).slot(Stack::slot_of(static_cast<int>(reach.min)));
    if (slot.is_spill() && slot.value.is_pointer() && request.size_bytes != kSlotBytes) {
        return wrong_width("a part of a pointer is loaded", "invalid size of register fill",
                           fmt::format("fp{:+} holds a pointer and {} bytes of it are read",
                                       reach.min, request.size_bytes));
    }
    const bool keeps_it = insn.kind == InsnKind::load ||
                          spec::row(insn.atomic_op).form == spec::AtomicForm::fetch ||
                          spec::row(insn.atomic_op).form == spec::AtomicForm::load;
    if (!keeps_it && is_secret(subject, spilled_at(state, request.value.frame, reach))) {
        return refuse({.code = FindingCode::pointer_leak,
                       .kernel = fmt::format("leaking pointer from stack off {}", reach.min),
                       .because = fmt::format(
                           "fp{:+} holds a pointer, which is no number to count with", reach.min)});
    }
    return {};
}

void stack_store(Workspace& workspace, State& state, const Value& base, const Insn& insn,
                 const StoredValue& stored) {
    const StackReach reach = reach_of(base, insn);
    end_dynptrs(state, base.frame, reach.min, reach.max + insn.size_bytes);
    if (!reach.is_fixed()) {
        store_variable(workspace, state, base, insn, stored);
        return;
    }
    const int offset = static_cast<int>(reach.min);
    if (stored.value.has_value() &&
        is_spillable(workspace.subject, *stored.value, offset, insn.size_bytes)) {
        const Value value = spilled(workspace, state, stored, insn.size_bytes);
        state.stack_for_write(base.frame).spill(offset, insn.size_bytes, value);
        return;
    }
    const bool zero = stored.value.has_value() && stored.value->is_constant_zero();
    if (zero) {
        workspace.need(*stored.value);
    }
    state.stack_for_write(base.frame)
        .set_bytes(offset, insn.size_bytes, zero ? SlotByte::zero : SlotByte::misc);
}

Value stack_load(const State& state, const Value& base, const Insn& insn) {
    const StackReach reach = reach_of(base, insn);
    const Stack& stack = state.stack(base.frame);
    if (reach.is_fixed()) {
        const int offset = static_cast<int>(reach.min);
        const Slot& slot = stack.slot(Stack::slot_of(offset));
        const bool from_low_end =
            slot_aligned(offset) && slot.is_spill() && insn.size_bytes <= slot.spilled_bytes();
        if (from_low_end && (slot.value.is_scalar() || insn.size_bytes == kSlotBytes)) {
            return slot.value.is_scalar() ? narrowed(slot.value, insn.size_bytes) : slot.value;
        }
    }
    const Census counts = census(stack, reach.min, reach.max + insn.size_bytes);
    if (counts.zero == counts.total) {
        return Value::constant(0);
    }
    if (reach.is_fixed() && counts.spilled_zero == counts.total) {
        Value zero = Value::constant(0); // aligned accesses lie in one slot
        zero.origin = stack.slot(Stack::slot_of(static_cast<int>(reach.min))).value.origin;
        return zero;
    }
    return Value::scalar(number_of_bytes(insn.size_bytes));
}

} // namespace skep::verify
