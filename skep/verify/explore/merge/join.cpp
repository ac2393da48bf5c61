// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explore/merge/join.hpp"

#include <algorithm>

namespace skep::verify {
namespace {

bool is_special(SlotByte byte) {
    return byte == SlotByte::dynptr || byte == SlotByte::iterator || byte == SlotByte::irq_flag;
}
bool is_special(const Slot& slot) {
    return std::any_of(slot.bytes.begin(), slot.bytes.end(),
                       [](SlotByte byte) { return is_special(byte); });
}

// Pointers whose variable part may be a range.
bool varies(ValueKind kind) {
    return kind == ValueKind::map_value || kind == ValueKind::map_key ||
           kind == ValueKind::memory || kind == ValueKind::packet || kind == ValueKind::packet_meta;
}

template <class Number>
Interval<Number> widened_interval(const Interval<Number>& old, Interval<Number> joined,
                                  const Interval<Number>& every,
                                  std::span<const std::int64_t> thresholds) {
    const auto in_reach = [&every](std::int64_t threshold) {
        return std::in_range<Number>(threshold) && every.contains(static_cast<Number>(threshold));
    };
    if (joined.min < old.min) {
        Number least = every.min;
        for (const std::int64_t threshold : thresholds) { // they rise: the last that fits
            if (in_reach(threshold) && static_cast<Number>(threshold) <= joined.min) {
                least = std::max(least, static_cast<Number>(threshold));
            }
        }
        joined.min = least;
    }
    if (joined.max > old.max) {
        Number greatest = every.max;
        for (const std::int64_t threshold : thresholds) {
            if (in_reach(threshold) && static_cast<Number>(threshold) >= joined.max) {
                greatest = std::min(greatest, static_cast<Number>(threshold));
            }
        }
        joined.max = greatest;
    }
    return joined;
}

// Ids of pointers may be those of a lock's object or a dynptr, so that renaming one would say that
// it belongs to another.
bool ids_matter(const State& state) {
    bool matter = !state.resources.held.empty();
    for (unsigned number = 0; number < state.frame_count(); ++number) {
        for (std::uint32_t index = 0; index < state.stack(number).slot_count(); ++index) {
            matter = matter || is_special(state.stack(number).slot(index));
        }
    }
    return matter;
}

// A number of eight bytes; zeros that were written byte by byte are one too.
bool is_whole_number(const Slot& slot) {
    return slot.all(SlotByte::zero) || (slot.is_full_spill() && slot.value.is_scalar());
}
Value number_in(const Slot& slot) {
    return slot.all(SlotByte::zero) ? Value::constant(0) : slot.value;
}

} // namespace

void forget_dead(State& state, const LiveFrames& live) {
    for (unsigned number = 0; number < state.frame_count(); ++number) {
        for (Reg reg = 0; reg < kFramePointer; ++reg) {
            if ((live[number].regs & only(reg)) == 0 &&
                state.frame(number).regs[reg].is_initialised()) {
                state.frame_for_write(number).regs[reg] = Value::uninitialised();
            }
        }
        const Slot never_written;
        for (std::uint32_t index = 0; index < state.stack(number).slot_count(); ++index) {
            // Who overwrites an object ends what lives by it, so it is kept.
            const bool is_kept = (live[number].slots & (SlotSet{1} << index)) != 0 ||
                                 is_special(state.stack(number).slot(index));
            if (!is_kept && !(state.stack(number).slot(index) == never_written)) {
                state.stack_for_write(number).slot_for_write(index) = never_written;
            }
        }
    }
    state.may_goto_rounds = 0; // rounds are not counted where states are joined
}

// Every set only grows, so the result holds what `joined` holds. Bits below the lowest unknown one
// stay known: the alignment of what is counted in steps of 4.
Scalar widened(const Scalar& old, const Scalar& joined, std::span<const std::int64_t> thresholds) {
    Scalar result = joined;
    result.u = widened_interval(old.u, joined.u, every_unsigned<64>(), thresholds);
    result.s = widened_interval(old.s, joined.s, every_signed<64>(), thresholds);
    result.u_low = widened_interval(old.u_low, joined.u_low, every_unsigned<32>(), thresholds);
    result.s_low = widened_interval(old.s_low, joined.s_low, every_signed<32>(), thresholds);
    if (joined.bits != old.bits) {
        const std::uint64_t lowest = joined.bits.mask & (~joined.bits.mask + 1);
        const std::uint64_t unknown = ~(lowest - 1);
        result.bits = {joined.bits.value & ~unknown, unknown};
    }
    result.synchronise();
    return result;
}

Join::Answer Join::add(State& into, const State& now) {
    State result = into;
    grown_ = false;
    id_of_.clear();
    taken_.clear();
    is_strict_ = ids_matter(into) || ids_matter(now);
    if (into.frame_count() != now.frame_count() || into.sleepable != now.sleepable ||
        into.speculative != now.speculative || !(into.resources == now.resources)) {
        return Answer::incompatible;
    }
    for (unsigned number = 0; number < into.frame_count(); ++number) {
        if (!join_frame(result, now, number)) {
            return Answer::incompatible;
        }
    }
    if (!grown_) {
        return Answer::unchanged;
    }
    into = std::move(result);
    return Answer::grown;
}

bool Join::join_frame(State& into, const State& now, unsigned number) {
    const Frame& b = now.frame(number);
    const Frame& a = into.frame(number);
    if (a.subprogram != b.subprogram || a.call_site != b.call_site || a.callback != b.callback ||
        a.callback_result != b.callback_result) {
        return false;
    }
    if (b.callback_depth < a.callback_depth) { // fewer rounds behind it: more to come
        into.frame_for_write(number).callback_depth = b.callback_depth;
        grown_ = true;
    }
    for (Reg reg = 0; reg < kFramePointer; ++reg) {
        const Value& old = into.frame(number).regs[reg];
        Value result;
        if (!join_value(old, b.regs[reg], result)) {
            if (effort_ == Effort::keep_apart) {
                return false;
            }
            result = Value::uninitialised();
        }
        if (!(result == old)) {
            grown_ = true;
            into.frame_for_write(number).regs[reg] = result;
        }
    }
    return join_stack(into, now, number);
}

bool Join::join_stack(State& into, const State& now, unsigned number) {
    const std::uint32_t count =
        std::max(into.stack(number).slot_count(), now.stack(number).slot_count());
    for (std::uint32_t index = 0; index < count; ++index) {
        const Slot& old = into.stack(number).slot(index);
        const Slot& other = now.stack(number).slot(index);
        Slot result;
        if (!join_slot(old, other, result)) {
            if (effort_ == Effort::keep_apart || is_special(old) || is_special(other)) {
                return false;
            }
            result = Slot{};
        }
        if (!(result == old)) {
            grown_ = true;
            into.stack_for_write(number).slot_for_write(index) = result;
        }
    }
    return true;
}

Scalar Join::join_number(const Scalar& old, const Scalar& now) {
    if (old.includes(now)) {
        return old;
    }
    Scalar joined = old.join(now);
    joined.synchronise();
    return widening_.wanted ? widened(old, joined, widening_.thresholds) : joined;
}

// Values that had one id in both states still have one; others move apart.
std::uint32_t Join::join_id(const Link& old, const Link& now, std::uint32_t old_id) {
    const auto known = id_of_.find({old, now});
    if (known != id_of_.end()) {
        return known->second;
    }
    const bool is_first = old_id != 0 && taken_.insert(old_id).second;
    const std::uint32_t id = is_first ? old_id : ids_.next();
    id_of_.emplace(std::pair(old, now), id);
    return id;
}

// What a number is linked to, as far as the other state has it: an id, or for a number that is
// known and needs none, the number that others would be equal to.
std::optional<Join::Link> Join::link_of(const Value& value, const Value& other) {
    if (value.id != 0) {
        return Link{false, value.id};
    }
    if (!value.is_constant()) {
        return std::nullopt;
    }
    const std::int64_t delta = other.linked_by_delta ? other.offset : 0;
    return Link{true, value.number.value() - static_cast<std::uint64_t>(delta)};
}

void Join::join_link(const Value& old, const Value& now, Value& result) {
    const std::optional<Link> a = link_of(old, now);
    const std::optional<Link> b = link_of(now, old);
    const bool both_ids = old.id != 0 && now.id != 0;
    const bool same_delta = old.linked_by_delta == now.linked_by_delta &&
                            (!old.linked_by_delta || old.offset == now.offset);
    if (!a || !b || (both_ids && !same_delta) || (old.id == 0 && old.number == now.number)) {
        return;
    }
    const Value& linked = old.id != 0 ? old : now;
    result.id = join_id(*a, *b, old.id);
    result.linked_by_delta = linked.linked_by_delta;
    result.offset = linked.linked_by_delta ? linked.offset : 0;
}

bool Join::join_value(const Value& old, const Value& now, Value& result) {
    if (!old.is_initialised() || !now.is_initialised()) {
        result = Value::uninitialised();
        return true;
    }
    if (old.is_scalar() != now.is_scalar()) {
        return false;
    }
    if (old.is_pointer()) {
        return join_pointer(old, now, result);
    }
    result = Value::scalar(join_number(old.number, now.number));
    join_link(old, now, result);
    return true;
}

bool Join::join_pointer(const Value& old, const Value& now, Value& result) {
    const bool same = old.kind == now.kind && old.flags == now.flags && old.offset == now.offset &&
                      old.subject == now.subject && old.instance == now.instance &&
                      old.frame == now.frame && (old.id == 0) == (now.id == 0) &&
                      old.reference_id == now.reference_id && (!is_strict_ || old.id == now.id);
    const bool same_side = old.range >= 0 ? now.range >= 0 : old.range == now.range;
    if (!same || !same_side || (!varies(old.kind) && old.number != now.number)) {
        return false;
    }
    result = old;
    result.origin = old.origin;
    result.id = old.id == 0 ? 0 : join_id({false, old.id}, {false, now.id}, old.id);
    result.range = std::min(old.range, now.range);
    result.number = join_number(old.number, now.number);
    return true;
}

bool Join::join_slot(const Slot& old, const Slot& now, Slot& result) {
    result.bytes = old.bytes;
    if (is_special(old) || is_special(now)) {
        result.value = old.value;
        const Value& a = old.value;
        const Value& b = now.value;
        return old.bytes == now.bytes && a.kind == b.kind && a.flags == b.flags &&
               a.offset == b.offset && a.subject == b.subject && a.instance == b.instance &&
               a.number == b.number && a.range == b.range && a.frame == b.frame && a.id == b.id &&
               a.reference_id == b.reference_id;
    }
    if (old.is_spill() && now.is_spill() && old.bytes == now.bytes) {
        return join_value(old.value, now.value, result.value);
    }
    if (is_whole_number(old) && is_whole_number(now)) {
        result.bytes.fill(SlotByte::spill);
        return join_value(number_in(old), number_in(now), result.value);
    }
    const bool loses_pointer =
        (old.is_spill() && old.value.is_pointer()) || (now.is_spill() && now.value.is_pointer());
    if (loses_pointer) {
        return false;
    }
    for (unsigned byte = 0; byte < kSlotBytes; ++byte) {
        const SlotByte a = old.bytes[byte];
        const SlotByte b = now.bytes[byte];
        const bool unset = a == SlotByte::invalid || b == SlotByte::invalid;
        const bool zero = a == SlotByte::zero && b == SlotByte::zero;
        result.bytes[byte] = unset ? SlotByte::invalid : zero ? SlotByte::zero : SlotByte::misc;
    }
    return true;
}

} // namespace skep::verify
