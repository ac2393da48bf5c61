// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/state/dynptrs.hpp"

#include <algorithm>
#include <vector>

namespace skep::verify {
namespace {

constexpr std::int64_t kSlot = kSlotBytes;

// The lower ends of the dynptrs that overlap the bytes.
std::vector<std::int32_t> overlapping(const State& state, unsigned frame, std::int64_t begin,
                                      std::int64_t end) {
    std::vector<std::int32_t> found; // nothing is allocated while there are none
    const std::int64_t last = std::min<std::int64_t>(end, 0);
    for (std::int64_t at = std::max<std::int64_t>(begin, -kStackBytes); at < last;) {
        const std::uint32_t index = Stack::slot_of(static_cast<int>(at));
        const Slot& slot = state.stack(frame).slot(index);
        const bool is_new = found.empty() || found.back() != slot.value.offset;
        if (slot.all(SlotByte::dynptr) && is_new) {
            found.push_back(slot.value.offset);
        }
        at = -kSlot * index; // the lower end of the slot above
    }
    return found;
}

void clear(State& state, unsigned frame, std::int32_t offset) {
    Stack& stack = state.stack_for_write(frame);
    for (const std::int32_t half : {offset, offset + static_cast<std::int32_t>(kSlotBytes)}) {
        Slot& slot = stack.slot_for_write(Stack::slot_of(half));
        slot = Slot{};
    }
}

void end_slices(State& state, std::uint32_t id) {
    if (id == 0) {
        return;
    }
    state.update_values(
        [id](const Value& value) { return value.is(ValueKind::memory) && value.instance == id; },
        [&state](Value& value) { value = state.left_of_pointer(); });
}

} // namespace

const Value* dynptr_at(const State& state, unsigned frame, std::int64_t offset) {
    if (offset % kSlot != 0 || offset < -kStackBytes ||
        offset > -static_cast<std::int64_t>(kDynptrBytes)) {
        return nullptr;
    }
    const Slot& low = state.stack(frame).slot(Stack::slot_of(static_cast<int>(offset)));
    const Slot& high = state.stack(frame).slot(Stack::slot_of(static_cast<int>(offset + kSlot)));
    const bool is_whole = low.all(SlotByte::dynptr) && high.all(SlotByte::dynptr) &&
                          low.value == high.value && low.value.offset == offset;
    return is_whole ? &low.value : nullptr;
}

bool holds_referenced_dynptr(const State& state, unsigned frame, std::int64_t begin,
                             std::int64_t end) {
    const std::vector<std::int32_t> found = overlapping(state, frame, begin, end);
    return std::any_of(found.begin(), found.end(), [&](std::int32_t offset) {
        return state.stack(frame).slot(Stack::slot_of(offset)).value.reference_id != 0;
    });
}

void end_dynptrs(State& state, unsigned frame, std::int64_t begin, std::int64_t end) {
    for (const std::int32_t offset : overlapping(state, frame, begin, end)) {
        const std::uint32_t id = state.stack(frame).slot(Stack::slot_of(offset)).value.id;
        clear(state, frame, offset);
        end_slices(state, id);
    }
}

void end_dynptrs_of(State& state, std::uint32_t reference) {
    for (unsigned frame = 0; frame < state.frame_count(); ++frame) {
        for (const std::int32_t offset : overlapping(state, frame, -kStackBytes, 0)) {
            const Value& identity = state.stack(frame).slot(Stack::slot_of(offset)).value;
            if (identity.reference_id == reference) {
                end_dynptrs(state, frame, offset, offset + kSlot);
            }
        }
    }
}

void make_dynptr(State& state, unsigned frame, std::int32_t offset, const Value& identity) {
    end_dynptrs(state, frame, offset, offset + static_cast<std::int32_t>(kDynptrBytes));
    Stack& stack = state.stack_for_write(frame);
    stack.set_bytes(offset, kDynptrBytes, SlotByte::dynptr);
    for (const std::int32_t half : {offset, offset + static_cast<std::int32_t>(kSlotBytes)}) {
        Value& value = stack.slot_for_write(Stack::slot_of(half)).value;
        value = identity;
        value.kind = ValueKind::dynptr;
        value.offset = offset;
    }
}

} // namespace skep::verify
