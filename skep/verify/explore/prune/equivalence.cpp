// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explore/prune/equivalence.hpp"

#include <algorithm>
#include <bit>

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

// A byte has something now that had nothing.
bool sets_bytes(const Slot& old, const Slot& now) {
    bool sets = false;
    for (unsigned byte = 0; byte < kSlotBytes; ++byte) {
        sets =
            sets || (old.bytes[byte] == SlotByte::invalid && now.bytes[byte] != SlotByte::invalid);
    }
    return sets;
}

bool unset(SlotByte byte) { return byte == SlotByte::misc || byte == SlotByte::invalid; }

} // namespace

bool IdPairs::pair(std::uint32_t old_id, std::uint32_t new_id) {
    for (const auto& [known_old, known_new] : pairs_) {
        if (known_old == old_id || known_new == new_id) {
            return known_old == old_id && known_new == new_id;
        }
    }
    pairs_.emplace_back(old_id, new_id);
    return true;
}

bool Equivalence::covers(const State& old, const State& now, Likeness likeness) {
    if (old.frame_count() != now.frame_count() || old.sleepable != now.sleepable ||
        (old.speculative && !now.speculative)) {
        return false;
    }
    if (likeness == Likeness::exactly && old.may_goto_rounds != now.may_goto_rounds) {
        return false; // the loop has used up some of its budget
    }
    likeness_ = likeness;
    if (is_ruled_out(old, now)) {
        return false;
    }
    ids_.clear();
    if (!same_resources(old.resources, now.resources)) {
        return false;
    }
    // The frame on top first: what differs is there as a rule.
    for (unsigned number = old.frame_count(); number-- > 0;) {
        if (!covers_frame(old, now, number)) {
            return false;
        }
    }
    return true;
}

// Of the frame on top it is known without looking at the calls.
const FrameLiveness& Equivalence::live_of(const State& now, unsigned number) {
    if (known_live_ == Known::nothing) {
        live_[now.depth()] = {liveness_.regs[at_.value], liveness_.slots[at_.value]};
        known_live_ = now.depth() == 0 ? Known::all : Known::top;
    }
    if (known_live_ == Known::top && number != now.depth()) {
        live_ = live_frames(liveness_, now, at_);
        known_live_ = Known::all;
    }
    return live_[number];
}

// States that differ in what the last ones differed in need not be looked at any further. What does
// not go together alone, with any ids, does not go together with the rest.
bool Equivalence::is_ruled_out(const State& old, const State& now) {
    const Item item = differed_[at_.value];
    if (item.frame >= old.frame_count()) {
        return false;
    }
    const Frame& was = old.frame(item.frame);
    const Frame& is = now.frame(item.frame);
    const FrameLiveness& live = live_of(now, item.frame);
    ids_.clear();
    if (!item.is_slot) {
        return (live.regs & only(item.index)) != 0 &&
               !covers_value(was.regs[item.index], is.regs[item.index]);
    }
    return (live.slots & (SlotSet{1} << item.index)) != 0 &&
           !covers_slot(was.stack.slot(item.index), is.stack.slot(item.index));
}

// Answers false, for covers().
bool Equivalence::differs_in(const Item& item) {
    differed_[at_.value] = item;
    return false;
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
    const FrameLiveness& live = live_of(now_state, number);
    if (old_state.same_frame(now_state, number)) {
        for (unsigned left = live.regs; left != 0; left &= left - 1) {
            const auto reg = static_cast<Reg>(std::countr_zero(left));
            if (!agree_in_ids(old.regs[reg])) {
                return false;
            }
        }
    } else if (!covers_registers(old, now, number)) {
        return false;
    }
    return covers_stack(old.stack, now.stack, number);
}

bool Equivalence::covers_registers(const Frame& old, const Frame& now, unsigned number) {
    const unsigned live = live_[number].regs & ~unsigned{only(kFramePointer)};
    for (unsigned left = live; left != 0; left &= left - 1) {
        const auto reg = static_cast<Reg>(std::countr_zero(left));
        if (!covers_value(old.regs[reg], now.regs[reg])) {
            return differs_in({static_cast<std::uint8_t>(number), false, reg});
        }
    }
    return true;
}

// Of one value in both states nothing but the names can differ.
bool Equivalence::agree_in_ids(const Value& both) {
    if (both.is_scalar()) {
        const bool matters = likeness_ != Likeness::finished || numbers_are_equal_ ||
                             dependencies_.is_needed(both.origin);
        return !matters || ids_.match_numbers(both.id, both.id);
    }
    return !both.is_initialised() ||
           (ids_.match(both.id, both.id) && ids_.match(both.reference_id, both.reference_id) &&
            (!both.is(ValueKind::memory) || ids_.match(both.instance, both.instance)));
}

bool Equivalence::agree_in_ids(const Slot& both) {
    if (both.is_spill()) {
        return agree_in_ids(both.value);
    }
    return !has_object(both) || (ids_.match(both.value.id, both.value.id) &&
                                 ids_.match(both.value.reference_id, both.value.reference_id));
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
    const bool apart = old.linked_by_delta != now.linked_by_delta ||
                       (old.linked_by_delta && old.offset != now.offset);
    // A number that was linked to nothing stands for one that is, by any distance.
    if (apart && (old.id != 0 || likeness_ == Likeness::exactly)) {
        return false;
    }
    return ids_.match_numbers(old.id, now.id);
}

bool Equivalence::covers_value(const Value& old, const Value& now) {
    if (!old.is_initialised()) {
        return likeness_ == Likeness::finished || !now.is_initialised();
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

bool Equivalence::covers_stack(const Stack& old, const Stack& now, unsigned number) {
    const std::uint32_t count = std::max(old.part_count(), now.part_count());
    for (std::uint32_t part = 0; part < count; ++part) {
        const bool is_empty = old.is_part_empty(part) && now.is_part_empty(part);
        if (!is_empty && !covers_part(old, now, number, part)) {
            return false;
        }
    }
    return true;
}

bool Equivalence::covers_part(const Stack& old, const Stack& now, unsigned number,
                              std::uint32_t part) {
    const SlotSet live = live_[number].slots;
    const bool is_same = old.same_part(now, part);
    const std::uint32_t first = part * Stack::kPartSlots;
    for (std::uint32_t index = first; index < first + Stack::kPartSlots; ++index) {
        const Slot& was = old.slot(index);
        const Slot& is = now.slot(index);
        const bool is_live = (live & (SlotSet{1} << index)) != 0;
        // Of a state that is not finished everything counts, as what will be read is told later.
        const bool is_open = likeness_ != Likeness::finished && index < old.slot_count();
        if (!is_same && is_open && (sets_bytes(was, is) || !covers_slot(was, is))) {
            return false;
        }
        if (is_same) {
            if ((is_live || is_object(was)) && !agree_in_ids(was)) {
                return false;
            }
        } else if (is_live && !covers_slot(was, is)) {
            return differs_in(
                {static_cast<std::uint8_t>(number), true, static_cast<std::uint8_t>(index)});
        } else if (!is_live && (is_object(was) || is_object(is)) && !covers_slot(was, is)) {
            return false;
        }
    }
    return true;
}

void Equivalence::inherit_needs(Workspace& workspace, const State& old, const State& now,
                                Needs needs) const {
    const auto inherit = [&workspace, needs, this](const Value& from, const Value& to) {
        if (from.is_scalar() && to.is_scalar() && from.origin != 0) {
            if (dependencies_.is_needed(from.origin)) {
                workspace.need(to);
            } else if (needs == Needs::growing) {
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
        const std::uint32_t parts = std::min(old_stack.part_count(), now_stack.part_count());
        for (std::uint32_t index = 0; index < parts * Stack::kPartSlots; ++index) {
            const bool is_live = (live_slots & (SlotSet{1} << index)) != 0;
            const bool is_same = old_stack.same_part(now_stack, index / Stack::kPartSlots);
            if (is_live && !is_same && old_stack.slot(index).is_spill() &&
                now_stack.slot(index).is_spill()) {
                inherit(old_stack.slot(index).value, now_stack.slot(index).value);
            }
        }
    }
}

} // namespace skep::verify
