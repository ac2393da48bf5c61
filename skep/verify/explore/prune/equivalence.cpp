// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explore/prune/equivalence.hpp"

#include <algorithm>

namespace skep::verify {
namespace {

// All that says what a pointer is, its variable part and ids aside.
bool same_identity(const Value& old, const Value& now) {
    return old.kind == now.kind && old.flags == now.flags && old.offset == now.offset &&
           old.subject == now.subject && old.frame == now.frame &&
           (old.instance == now.instance || old.is(ValueKind::memory));
}

bool varies_by_range(ValueKind kind) {
    return kind == ValueKind::map_value || kind == ValueKind::map_key ||
           kind == ValueKind::memory || kind == ValueKind::buffer ||
           kind == ValueKind::tracepoint_buffer || kind == ValueKind::packet ||
           kind == ValueKind::packet_meta;
}

// What must be ended, or has others living by it, so that overwriting it changes them: it matters
// also when nobody reads it.
bool is_object(const Slot& slot) {
    const SlotByte last = slot.bytes[kSlotBytes - 1];
    return last == SlotByte::dynptr || last == SlotByte::iterator || last == SlotByte::irq_flag;
}

bool has_object(const Slot& slot) {
    return std::any_of(slot.bytes.begin(), slot.bytes.end(), [](SlotByte byte) {
        return byte == SlotByte::dynptr || byte == SlotByte::iterator || byte == SlotByte::irq_flag;
    });
}

bool unset(SlotByte byte) { return byte == SlotByte::misc || byte == SlotByte::invalid; }

} // namespace

bool IdPairs::match(std::uint32_t old_id, std::uint32_t new_id) {
    if ((old_id == 0) != (new_id == 0)) {
        return false;
    }
    if (old_id == 0) {
        return true;
    }
    for (const auto& [known_old, known_new] : pairs_) {
        if (known_old == old_id || known_new == new_id) {
            return known_old == old_id && known_new == new_id;
        }
    }
    pairs_.emplace_back(old_id, new_id);
    return true;
}

bool IdPairs::match_numbers(std::uint32_t old_id, std::uint32_t new_id) {
    if (old_id == 0 && new_id == 0) {
        return true;
    }
    const std::uint32_t fresh = ++last_private_; // for the side that has none
    return match(old_id != 0 ? old_id : fresh, new_id != 0 ? new_id : fresh);
}

bool Equivalence::covers(const State& old, const State& now, Likeness likeness) {
    if (old.frame_count() != now.frame_count() || old.sleepable != now.sleepable ||
        (old.speculative && !now.speculative)) {
        return false;
    }
    if (likeness == Likeness::exactly && old.may_goto_rounds != now.may_goto_rounds) {
        return false; // the loop has used up some of its budget
    }
    ids_.clear();
    likeness_ = likeness;
    if (!same_resources(old.resources, now.resources)) {
        return false;
    }
    if (!live_is_known_) {
        live_ = live_frames(liveness_, now, at_);
        live_is_known_ = true;
    }
    // The frame on top first: what differs is there as a rule.
    for (unsigned number = old.frame_count(); number-- > 0;) {
        if (!covers_frame(old, now, number)) {
            return false;
        }
    }
    return true;
}

bool Equivalence::same_resources(const Resources& old, const Resources& now) {
    if (old.held.size() != now.held.size() || old.rcu_depth != now.rcu_depth ||
        old.preempt_off_depth != now.preempt_off_depth) {
        return false;
    }
    for (std::size_t index = 0; index < old.held.size(); ++index) {
        const Resource& a = old.held[index];
        const Resource& b = now.held[index];
        const bool is_direct = ((a.object | b.object) & kDirectLock) != 0;
        const bool same_object = is_direct ? a.object == b.object : ids_.match(a.object, b.object);
        if (a.kind != b.kind || a.keeps_interrupts != b.keeps_interrupts ||
            !ids_.match(a.id, b.id) || !same_object) {
            return false;
        }
    }
    return true;
}

bool Equivalence::covers_frame(const State& old_state, const State& now_state, unsigned number) {
    const Frame& old = old_state.frame(number);
    const Frame& now = now_state.frame(number);
    if (old.subprogram != now.subprogram || old.call_site != now.call_site ||
        old.callback != now.callback || old.callback_result != now.callback_result) {
        return false;
    }
    // Iterations that are counted: the old state must have had at least as many left. And a round
    // that was counted is progress.
    if (old.callback_depth > now.callback_depth ||
        (likeness_ == Likeness::exactly && old.callback_depth != now.callback_depth)) {
        return false;
    }
    const RegSet live_regs = live_[number].regs;
    const SlotSet live_slots = live_[number].slots;
    if (old_state.same_frame(now_state, number)) {
        // The very same frame: only the ids must be noted.
        for (Reg reg = 0; reg < kRegisters; ++reg) {
            if ((live_regs & only(reg)) != 0 && !covers_value(old.regs[reg], now.regs[reg])) {
                return false;
            }
        }
        return covers_stack(old.stack.read(), now.stack.read(), live_slots);
    }
    for (Reg reg = 0; reg < kFramePointer; ++reg) {
        if ((live_regs & only(reg)) != 0 && !covers_value(old.regs[reg], now.regs[reg])) {
            return false;
        }
    }
    return covers_stack(old.stack.read(), now.stack.read(), live_slots);
}

bool Equivalence::covers_number(const Value& old, const Value& now) {
    if (numbers_are_equal_ && old.number != now.number) {
        return false;
    }
    const bool matters = likeness_ != Likeness::finished || numbers_are_equal_ ||
                         dependencies_.is_needed(old.origin);
    if (!matters) {
        return true;
    }
    if (likeness_ == Likeness::exactly ? old.number != now.number
                                       : !old.number.includes(now.number)) {
        return false;
    }
    if (old.linked_by_delta != now.linked_by_delta ||
        (old.linked_by_delta && old.offset != now.offset)) {
        return false;
    }
    return ids_.match_numbers(old.id, now.id);
}

bool Equivalence::covers_value(const Value& old, const Value& now) {
    if (!old.is_initialised()) {
        return likeness_ != Likeness::exactly || !now.is_initialised();
    }
    if (old.is_scalar() && now.is_scalar()) {
        return covers_number(old, now);
    }
    if (!same_identity(old, now) || !ids_.match(old.id, now.id) ||
        !ids_.match(old.reference_id, now.reference_id) ||
        (old.is(ValueKind::memory) && !ids_.match(old.instance, now.instance))) {
        return false;
    }
    // What a comparison with the end proved: at least as much now, and the same verdict beyond it.
    const bool same_end = old.range >= 0 ? now.range >= old.range : now.range == old.range;
    if (!same_end || (likeness_ == Likeness::exactly && now.range != old.range)) {
        return false;
    }
    if (likeness_ != Likeness::exactly && varies_by_range(old.kind)) {
        return old.number.includes(now.number);
    }
    return old.number == now.number;
}

bool Equivalence::covers_slot(const Slot& old, const Slot& now) {
    if (old.is_spill()) {
        const bool same_width = now.is_spill() && old.spilled_bytes() == now.spilled_bytes();
        if (same_width) {
            return covers_value(old.value, now.value) &&
                   std::equal(
                       old.bytes.begin(), old.bytes.end(), now.bytes.begin(),
                       [this](SlotByte a, SlotByte b) { return a == b || covers_unread(a, b); });
        }
        // A whole number that nothing relied on is as good as unknown bytes.
        return likeness_ == Likeness::finished && old.is_full_spill() && old.value.is_scalar() &&
               !dependencies_.is_needed(old.value.origin) &&
               std::all_of(now.bytes.begin(), now.bytes.end(), [this](SlotByte byte) {
                   return byte == SlotByte::misc || byte == SlotByte::zero ||
                          (byte == SlotByte::invalid && sees_addresses_);
               });
    }
    if (has_object(old)) {
        return old.bytes == now.bytes && same_identity(old.value, now.value) &&
               old.value.number == now.value.number && old.value.range == now.value.range &&
               (likeness_ != Likeness::exactly || old.value.origin == now.value.origin) &&
               ids_.match(old.value.id, now.value.id) &&
               ids_.match(old.value.reference_id, now.value.reference_id);
    }
    return covers_plain(old, now);
}

// A byte whose value the old path did not know against one that has one now.
bool Equivalence::covers_unread(SlotByte old, SlotByte now) const {
    if (sees_addresses_) {
        return unset(old);
    }
    return old == SlotByte::invalid || (old == SlotByte::misc && now == SlotByte::zero);
}

// `old` has neither a spilled value nor an object.
bool Equivalence::covers_plain(const Slot& old, const Slot& now) const {
    if (!sees_addresses_ && likeness_ != Likeness::exactly && old.all(SlotByte::misc) &&
        now.is_full_spill()) {
        return now.value.is_scalar();
    }
    if (old.bytes == now.bytes) {
        return true;
    }
    for (unsigned byte = 0; byte < kSlotBytes; ++byte) {
        const SlotByte now_byte = now.bytes[byte];
        const bool now_special = now_byte == SlotByte::dynptr || now_byte == SlotByte::iterator ||
                                 now_byte == SlotByte::irq_flag;
        const bool same = old.bytes[byte] == now_byte;
        const bool weaker = !now_special && likeness_ != Likeness::exactly &&
                            covers_unread(old.bytes[byte], now_byte);
        if (!same && !weaker) {
            return false;
        }
    }
    return true;
}

bool Equivalence::covers_stack(const Stack& old, const Stack& now, SlotSet live) {
    const std::uint32_t count = std::max(old.slot_count(), now.slot_count());
    for (std::uint32_t index = 0; index < count; ++index) {
        const Slot& was = old.slot(index);
        const Slot& is = now.slot(index);
        const bool matters = (live & (SlotSet{1} << index)) != 0 || is_object(was) || is_object(is);
        if (matters && !covers_slot(was, is)) {
            return false;
        }
    }
    return true;
}

void Equivalence::inherit_needs(Workspace& workspace, const State& old, const State& now) const {
    const auto inherit = [&workspace, this](const Value& from, const Value& to) {
        if (from.is_scalar() && to.is_scalar() && from.origin != 0) {
            if (dependencies_.is_needed(from.origin)) {
                workspace.need(to);
            } else if (likeness_ == Likeness::by_range) {
                workspace.dependencies.follow(from.origin, to.origin);
            }
        }
    };
    // What nobody reads any more has origins of an earlier place, where it may have mattered.
    for (unsigned number = 0; number < old.frame_count(); ++number) {
        const RegSet live_regs = live_[number].regs;
        const SlotSet live_slots = live_[number].slots;
        for (Reg reg = 0; reg < kFramePointer; ++reg) {
            if ((live_regs & only(reg)) != 0) {
                inherit(old.frame(number).regs[reg], now.frame(number).regs[reg]);
            }
        }
        const Stack& old_stack = old.stack(number);
        const Stack& now_stack = now.stack(number);
        for (std::uint32_t index = 0;
             index < std::min(old_stack.slot_count(), now_stack.slot_count()); ++index) {
            const bool is_live = (live_slots & (SlotSet{1} << index)) != 0;
            if (is_live && old_stack.slot(index).is_spill() && now_stack.slot(index).is_spill()) {
                inherit(old_stack.slot(index).value, now_stack.slot(index).value);
            }
        }
    }
}

} // namespace skep::verify
