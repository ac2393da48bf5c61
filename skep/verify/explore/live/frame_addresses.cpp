// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explore/live/frame_addresses.hpp"

#include <bit>
#include <optional>

#include "skep/spec/helpers.hpp"
#include "skep/verify/shape/control_flow.hpp"
#include "skep/verify/state/stack.hpp"

namespace skep::verify {
namespace {

Held perhaps(Bases bases) { return {Holds::nothing, bases, 0}; }

// Offsets that are followed: far more than a pointer may be moved.
bool is_near(std::int64_t offset) {
    constexpr std::int64_t kNear = 1LL << 31;
    return offset > -kNear && offset < kNear;
}

Held sum(const Held& a, const Held& b) {
    const bool is_moved = a.is_near_address() && b.holds == Holds::number && is_near(b.number) &&
                          is_near(a.number) && is_near(a.greatest());
    if (is_moved) {
        return {a.holds, a.bases, a.number + b.number,
                a.holds == Holds::addresses ? a.last + b.number : 0, a.joins};
    }
    if (b.is_near_address() && a.holds == Holds::number) {
        return sum(b, a);
    }
    return perhaps(a.bases | b.bases);
}

Held alu_result(const HeldRegisters& regs, const Insn& insn) {
    const Held second =
        insn.source == Source::reg ? regs[insn.src] : Held{Holds::number, kNoBases, insn.imm};
    const Held first = regs[insn.dst];
    if (insn.width == Width::w32) { // half an address is a number (transfer/alu)
        const bool is_known = insn.alu_op == AluOp::mov && second.holds == Holds::number;
        return is_known ? Held{Holds::number, kNoBases, static_cast<std::uint32_t>(second.number)}
                        : Held{};
    }
    if (insn.alu_op == AluOp::mov) {
        return second;
    }
    if (insn.alu_op == AluOp::add) {
        return sum(first, second);
    }
    return perhaps(first.bases | second.bases);
}

// The slot of the own frame that is read or written whole.
std::optional<std::uint32_t> own_slot(const Held& base, const Insn& insn) {
    const std::int64_t offset = base.number + insn.offset;
    const bool whole = base.is_address() && base.bases == kOwnFrame &&
                       insn.size_bytes == kSlotBytes && offset % kSlotBytes == 0 &&
                       offset >= -kStackBytes && offset < 0;
    return whole ? std::optional(Stack::slot_of(static_cast<int>(offset))) : std::nullopt;
}

Held wide(const Insn& insn) {
    if (insn.wide_source == WideSource::number) {
        return {Holds::number, kNoBases, static_cast<std::int64_t>(insn.imm64())};
    }
    return insn.wide_source == WideSource::map_index ? Held{Holds::map, kNoBases, insn.imm}
                                                     : Held{};
}

std::uint64_t bytes_for(std::size_t slots, std::size_t blocks) {
    return slots * sizeof(std::uint32_t) + blocks * (sizeof(HeldRegisters) + sizeof(InsnIndex));
}

} // namespace

FrameAddresses::FrameAddresses(const Subject& subject, const Subprogram& subprogram,
                               const std::vector<Escapes>& escapes)
    : subject_(subject), subprogram_(subprogram), escapes_of_(escapes),
      of_callbacks_(callback_escapes(subject, escapes)) {
    find_blocks();
    // What was stored may be loaded anywhere: when more is found to be stored, once more. When that
    // does not end soon, every slot may hold what any of them does.
    constexpr unsigned kMostRounds = 6;
    for (unsigned round = 1;; ++round) {
        found_more_ = false;
        once();
        if (!found_more_) {
            return;
        }
        if (round >= kMostRounds) {
            spills_.fill(perhaps(flow_.spilled));
        }
    }
}

std::vector<bool> block_beginnings(const Subject& subject, const Subprogram& subprogram) {
    std::vector<bool> begins(subprogram.end.value - subprogram.start.value, false);
    const auto note = [&](InsnIndex at) {
        if (at.value < subprogram.end.value) {
            begins[at.value - subprogram.start.value] = true;
        }
    };
    note(subprogram.start);
    for (InsnIndex at = subprogram.start; at.value < subprogram.end.value;) {
        const InsnIndex behind{at.value + subject.insn(at).slots()};
        const Successors next = successors(subject, at);
        if (next.count != 1 || next.list[0] != behind) {
            note(behind);
            for (unsigned i = 0; i < next.count; ++i) {
                note(next.list[i]);
            }
        }
        at = behind;
    }
    return begins;
}

std::uint64_t frame_addresses_bytes(const Subject& subject, const Subprogram& subprogram) {
    const std::vector<bool> begins = block_beginnings(subject, subprogram);
    return bytes_for(begins.size(),
                     static_cast<std::size_t>(std::count(begins.begin(), begins.end(), true)));
}

std::uint64_t FrameAddresses::memory_bytes() const {
    return bytes_for(block_at_.size(), starts_.size());
}

void FrameAddresses::find_blocks() {
    const std::vector<bool> begins = block_beginnings(subject_, subprogram_);
    block_at_.assign(begins.size(), kNoBlock);
    for (std::uint32_t local = 0; local < begins.size(); ++local) {
        if (begins[local]) {
            block_at_[local] = static_cast<std::uint32_t>(starts_.size());
            starts_.push_back(InsnIndex{subprogram_.start.value + local});
        }
    }
    entries_.resize(starts_.size());
}

void FrameAddresses::once() {
    reached_.assign(starts_.size(), false);
    HeldRegisters entry{};
    entry[kFramePointer] = {Holds::address, kOwnFrame, 0};
    // The program itself is handed no frame of anybody's.
    const bool is_main = subprogram_.start == InsnIndex{0};
    for (Reg reg = 1; reg <= 5 && !is_main; ++reg) {
        entry[reg] = {Holds::address, static_cast<Bases>(1U << reg), 0};
    }
    ForwardWorklist work(starts_.size());
    arrive(entry, 0, work);
    while (!work.empty()) {
        go_through(work.take(), work);
    }
}

void FrameAddresses::go_through(std::uint32_t block, ForwardWorklist& work) {
    HeldRegisters regs = entries_[block];
    for (InsnIndex at = starts_[block];;) {
        note_escapes(regs, subject_.insn(at), at);
        step(regs, at);
        const Successors next = successors(subject_, at);
        if (next.count == 1 && block_of(next.list[0]) == kNoBlock) {
            at = next.list[0];
            continue;
        }
        for (unsigned i = 0; i < next.count; ++i) {
            arrive(regs, block_of(next.list[i]), work);
        }
        return;
    }
}

void FrameAddresses::arrive(const HeldRegisters& regs, std::uint32_t block, ForwardWorklist& work) {
    HeldRegisters& there = entries_[block];
    if (!reached_[block]) {
        reached_[block] = true;
        there = regs;
        work.add(block);
        return;
    }
    bool changed = false;
    for (std::size_t reg = 0; reg < there.size(); ++reg) {
        const Held joined = there[reg].join(regs[reg]);
        changed = changed || joined != there[reg];
        there[reg] = joined;
    }
    if (changed) {
        work.add(block);
    }
}

void FrameAddresses::step(HeldRegisters& regs, InsnIndex at) const {
    const RegSet written = writes(subject_.insn(at)) & ~only(kFramePointer);
    if (written == kNoRegs) {
        return;
    }
    const Held result = result_of(regs, at);
    if (written != kCallerSaved) {
        regs[static_cast<Reg>(std::countr_zero(written))] = result; // one at most
        return;
    }
    std::fill(regs.begin(), regs.begin() + 6, Held{});
    regs[0] = result;
}

void FrameAddresses::note_escapes(const HeldRegisters& regs, const Insn& insn, InsnIndex at) {
    switch (insn.kind) {
    case InsnKind::store_reg:
        note_store(regs[insn.dst], regs[insn.src], insn);
        return;
    case InsnKind::atomic:
        note_stored(regs[insn.src].bases, regs[insn.dst].bases);
        return;
    case InsnKind::call_subprogram:
        note_stored_by_callee(regs, callee_escapes(insn, at));
        return;
    case InsnKind::call_helper: {
        const spec::HelperRow* row = spec::find_helper(static_cast<std::uint32_t>(insn.imm));
        if (row == nullptr || row->effects.has(spec::Effect::calls_back)) {
            note_stored_by_callee(regs, row == nullptr ? Escapes::unknown() : of_callbacks_);
        }
        return;
    }
    case InsnKind::exit:
        flow_.escapes.returned |= static_cast<Bases>(regs[0].bases & ~kOwnFrame);
        return;
    case InsnKind::alu:
    case InsnKind::load_wide:
    case InsnKind::load:
    case InsnKind::store_imm:
    case InsnKind::packet_absolute:
    case InsnKind::packet_indirect:
    case InsnKind::jump:
    case InsnKind::jump_always:
    case InsnKind::may_goto:
    case InsnKind::call_kfunc:
    case InsnKind::call_register:
    case InsnKind::address_space_cast:
        return;
    }
}

// Addresses were stored somewhere in frames of `where`.
void FrameAddresses::note_stored(Bases bases, Bases where) {
    found_more_ = found_more_ || (flow_.escapes.stored | bases) != flow_.escapes.stored;
    flow_.escapes.stored |= bases;
    if ((where & kOwnFrame) != 0) {
        found_more_ = found_more_ || (stored_in_own_ | bases) != stored_in_own_;
        stored_in_own_ |= bases;
    }
}

void FrameAddresses::note_stored_by_callee(const HeldRegisters& regs, const Escapes& callee) {
    Bases handed = kNoBases;
    for (Reg reg = 1; reg <= 5; ++reg) {
        handed |= regs[reg].bases;
    }
    note_stored(frames_of(regs, callee.stored, callee), reachable(handed));
}

// What may be found in memory of such frames, wherever in them.
Bases FrameAddresses::found_in(Bases read) const {
    Bases found = kNoBases;
    found |= (read & kOwnFrame) != 0 ? stored_in_own_ | flow_.spilled : kNoBases;
    found |= (read & kCallersFrames) != 0 ? kFoundFrame | flow_.escapes.stored : kNoBases;
    return found;
}

// These frames, and all whose addresses may be found in them, and so on.
Bases FrameAddresses::reachable(Bases bases) const {
    while ((found_in(bases) & ~bases) != 0) {
        bases |= found_in(bases);
    }
    return bases;
}

Bases FrameAddresses::found_by(const HeldRegisters& regs,
                               const std::array<ReadBytes, 6>& read) const {
    Bases found = kNoBases;
    for (Reg reg = 1; reg <= 5; ++reg) {
        const Held& base = regs[reg];
        const ReadBytes& extent = read[reg];
        if (base.bases == kNoBases || extent.is_empty()) {
            continue;
        }
        found |= found_in(static_cast<Bases>(base.bases & kCallersFrames));
        if ((base.bases & kOwnFrame) == 0) {
            continue;
        }
        found |= stored_in_own_;
        const SlotSet slots = base.is_near_address() ? slots_between(base.number + extent.first,
                                                                     base.greatest() + extent.end)
                                                     : kAllSlots;
        for (std::uint32_t slot = 0; slot < spills_.size(); ++slot) {
            found |= (slots >> slot & 1U) != 0 ? spills_[slot].bases : kNoBases;
        }
    }
    return reachable(found);
}

// The frames that `bases` of a called function mean here.
Bases FrameAddresses::frames_of(const HeldRegisters& regs, Bases bases,
                                const Escapes& callee) const {
    Bases frames = kNoBases;
    for (Reg reg = 1; reg <= 5; ++reg) {
        frames |= (bases & (1U << reg)) != 0 ? regs[reg].bases : kNoBases;
    }
    return (bases & kFoundFrame) != 0 ? frames | found_by(regs, callee.read) : frames;
}

void FrameAddresses::note_store(const Held& base, const Held& value, const Insn& insn) {
    if (value.bases == kNoBases || insn.size_bytes != kSlotBytes) {
        return; // a part of an address is a number when it comes back
    }
    const std::optional<std::uint32_t> slot = own_slot(base, insn);
    if (!slot.has_value()) {
        note_stored(value.bases, base.bases);
        return;
    }
    Held& spilled = spills_[*slot];
    const Held joined = spilled.bases == kNoBases ? value : spilled.join(value);
    found_more_ = found_more_ || joined != spilled;
    spilled = joined;
    flow_.spilled |= value.bases;
}

Held FrameAddresses::loaded(const Held& base, const Insn& insn) const {
    // Addresses of frames lie on stacks alone, and come back whole or as numbers.
    if (base.bases == kNoBases || insn.size_bytes != kSlotBytes) {
        return {};
    }
    const std::optional<std::uint32_t> slot = own_slot(base, insn);
    if (!slot.has_value()) {
        return perhaps(found_in(base.bases));
    }
    const Held& spilled = spills_[*slot];
    if (stored_in_own_ == kNoBases && (spilled.bases & kOwnFrame) == 0) {
        return spilled;
    }
    if (stored_in_own_ == kNoBases && spilled.is_near_address()) {
        return spilled.perhaps_near(); // the slot may have held something else
    }
    return perhaps(stored_in_own_ | spilled.bases);
}

Escapes FrameAddresses::callee_escapes(const Insn& insn, InsnIndex at) const {
    const auto callee =
        subject_.subprogram_at(InsnIndex{static_cast<std::uint32_t>(insn.target(at))});
    return callee.has_value() ? escapes_of_[*callee] : Escapes::unknown();
}

Held FrameAddresses::result_of(const HeldRegisters& regs, InsnIndex at) const {
    const Insn& insn = subject_.insn(at);
    switch (insn.kind) {
    case InsnKind::alu:
        return alu_result(regs, insn);
    case InsnKind::load_wide:
        return wide(insn);
    case InsnKind::load:
        return loaded(regs[insn.src], insn);
    case InsnKind::atomic:
        return perhaps(found_in(regs[insn.dst].bases | regs[insn.src].bases));
    case InsnKind::call_subprogram: {
        const Escapes callee = callee_escapes(insn, at);
        return perhaps(frames_of(regs, callee.returned, callee));
    }
    case InsnKind::call_register:
        return perhaps(frames_of(regs, kCallersFrames, Escapes::unknown()));
    case InsnKind::address_space_cast:
        return perhaps(regs[insn.src].bases);
    case InsnKind::store_imm:
    case InsnKind::store_reg:
    case InsnKind::packet_absolute:
    case InsnKind::packet_indirect:
    case InsnKind::jump:
    case InsnKind::jump_always:
    case InsnKind::may_goto:
    case InsnKind::exit:
    // Memory of a stack that these return is memory to the walk, without slots.
    case InsnKind::call_helper:
    case InsnKind::call_kfunc:
        return {};
    }
    return {};
}

Escapes callback_escapes(const Subject& subject, const std::vector<Escapes>& escapes) {
    Escapes all;
    ReadBytes read;
    for (std::size_t index = 0; index < subject.subprograms.size(); ++index) {
        if (!subject.subprograms[index].is_callback) {
            continue;
        }
        all.stored |= escapes[index].stored != kNoBases ? kCallersFrames : kNoBases;
        all.reads_found = all.reads_found || escapes[index].reads_found;
        for (const ReadBytes& one : escapes[index].read) {
            if (!one.is_empty()) {
                read.add(one.first, one.end);
            }
        }
    }
    for (Reg reg = 1; reg <= 5 && !read.is_empty(); ++reg) {
        all.read[reg].add(read.first, read.end);
    }
    return all;
}

} // namespace skep::verify
