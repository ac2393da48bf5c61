// SPDX-License-Identifier: Apache-2.0
//
// The bodies of Stack, Resources and State.
#include "skep/verify/state/state.hpp"

#include <algorithm>

#include "skep/base/result.hpp"
#include "skep/verify/state/dynptrs.hpp"

namespace skep::verify {

Slot& Stack::slot_for_write(std::uint32_t index) {
    SKEP_ASSERT(index < kStackBytes / kSlotBytes);
    slot_count_ = std::max(slot_count_, index + 1);
    Cow<Part>& part = parts_[index / kPartSlots];
    if (part.empty()) {
        part = empty_part();
    }
    return part.write()[index % kPartSlots];
}

Cow<Stack::Part> Stack::empty_part() const {
    for (const Cow<Part>& other : parts_) {
        if (!other.empty()) {
            return other.make_beside(Part{});
        }
    }
    return Cow<Part>::make();
}

void Stack::spill(int offset, unsigned size_bytes, const Value& value) {
    Slot& slot = slot_for_write(slot_of(offset));
    for (unsigned byte = 0; byte < kSlotBytes; ++byte) {
        if (byte >= kSlotBytes - size_bytes) {
            slot.bytes[byte] = SlotByte::spill;
        } else if (slot.bytes[byte] == SlotByte::spill) {
            slot.bytes[byte] = SlotByte::misc;
        }
    }
    slot.value = value;
}

void Stack::set_bytes(int offset, unsigned size_bytes, SlotByte kind) {
    for (int at = offset; at < offset + static_cast<int>(size_bytes); ++at) {
        Slot& slot = slot_for_write(slot_of(at));
        if (slot.is_spill()) { // zeros beside it are forgotten with it, as Linux does
            std::replace_if(
                slot.bytes.begin(), slot.bytes.end(),
                [](SlotByte byte) { return byte == SlotByte::spill || byte == SlotByte::zero; },
                SlotByte::misc);
            slot.value = {};
        }
        slot.bytes[byte_of(at)] = kind;
    }
}

bool Resources::holds(std::uint32_t id) const {
    return std::any_of(held.begin(), held.end(),
                       [id](const Resource& one) { return one.id == id; });
}

const Resource* Resources::first(ResourceKind kind) const {
    const auto found = std::find_if(held.begin(), held.end(),
                                    [kind](const Resource& one) { return one.kind == kind; });
    return found == held.end() ? nullptr : &*found;
}

bool Resources::holds_lock() const {
    return std::any_of(held.begin(), held.end(), [](const Resource& one) {
        return one.kind == ResourceKind::spin_lock || one.kind == ResourceKind::resilient_lock;
    });
}

void Resources::acquire(ResourceKind kind, std::uint32_t id, InsnIndex at, std::uint32_t object) {
    held.push_back({kind, id, at, object, false});
}

bool Resources::release(std::uint32_t id) {
    const auto found =
        std::find_if(held.begin(), held.end(), [id](const Resource& one) { return one.id == id; });
    if (found == held.end()) {
        return false;
    }
    held.erase(found);
    return true;
}

State State::entering(std::uint32_t subprogram) {
    State state;
    state.push_frame(subprogram, InsnIndex{});
    return state;
}

Frame& State::push_frame(std::uint32_t subprogram, InsnIndex call_site) {
    SKEP_ASSERT(frame_count_ < kMaxFrames);
    Frame frame;
    frame.subprogram = subprogram;
    frame.call_site = call_site;
    frame.regs[kFramePointer] = Value::stack_pointer(static_cast<std::uint8_t>(frame_count_));
    frames_[frame_count_] = frame_count_ == 0 ? Cow<Frame>::make(std::move(frame))
                                              : frames_[0].make_beside(std::move(frame));
    return frames_[frame_count_++].write();
}

void State::pop_frame() {
    SKEP_ASSERT(frame_count_ > 1);
    frames_[--frame_count_] = {};
}

void State::forget_packet_pointers() {
    // What was cut out of a packet's dynptr moves with the packet.
    update_values(
        [](const Value& value) { return value.is_any_packet() || value.has(kFromDynptr); },
        [this](Value& value) { value = left_of_pointer(); });
}

void State::clobber_caller_saved() {
    Frame& frame = current_for_write();
    for (Reg reg = 1; reg <= 5; ++reg) {
        frame.regs[reg] = Value::uninitialised();
    }
}

void State::invalidate_reference(std::uint32_t reference) {
    update_values([reference](const Value& value) { return value.reference_id == reference; },
                  [this](Value& value) { value = left_of_pointer(); });
    end_dynptrs_of(*this, reference);
}

} // namespace skep::verify
