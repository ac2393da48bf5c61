// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explore/live/frame_addresses.hpp"

#include <optional>

#include "skep/spec/helpers.hpp"
#include "skep/verify/explore/live/worklist.hpp"
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

class Pass {
  public:
    Pass(const Subject& subject, const Subprogram& subprogram, const std::vector<Escapes>& escapes)
        : subject_(subject), subprogram_(subprogram), escapes_of_(escapes),
          of_callbacks_(callback_escapes(subject, escapes)) {
        flow_.before.resize(subprogram.end.value - subprogram.start.value);
    }

    FrameFlow run() {
        // What was stored may be loaded anywhere: when more is found to be stored, once more. When
        // that does not end soon, every slot may hold what any of them does.
        constexpr unsigned kMostRounds = 6;
        for (unsigned round = 1;; ++round) {
            found_more_ = false;
            once();
            if (!found_more_) {
                return std::move(flow_);
            }
            if (round >= kMostRounds) {
                spills_.fill(perhaps(flow_.spilled));
                flow_.in_slot.fill(flow_.spilled);
            }
        }
    }

  private:
    [[nodiscard]] HeldRegisters& before(InsnIndex at) {
        return flow_.before[at.value - subprogram_.start.value];
    }

    void once() {
        reached_.assign(flow_.before.size(), false);
        HeldRegisters entry{};
        entry[kFramePointer] = {Holds::address, kOwnFrame, 0};
        // The program itself is handed no frame of anybody's.
        const bool is_main = subprogram_.start == InsnIndex{0};
        for (Reg reg = 1; reg <= 5 && !is_main; ++reg) {
            entry[reg] = {Holds::address, static_cast<Bases>(1U << reg), 0};
        }
        ForwardWorklist work(flow_.before.size());
        arrive(entry, subprogram_.start, work);
        while (!work.empty()) {
            const InsnIndex at{subprogram_.start.value + work.take()};
            const HeldRegisters after = stepped(before(at), at);
            const Successors next = successors(subject_, at);
            for (unsigned i = 0; i < next.count; ++i) {
                arrive(after, next.list[i], work);
            }
        }
    }
    void arrive(const HeldRegisters& regs, InsnIndex at, ForwardWorklist& work) {
        HeldRegisters& there = before(at);
        const std::uint32_t local = at.value - subprogram_.start.value;
        if (!reached_[local]) {
            reached_[local] = true;
            there = regs;
            work.add(local);
            return;
        }
        bool changed = false;
        for (std::size_t reg = 0; reg < there.size(); ++reg) {
            const Held joined = there[reg].join(regs[reg]);
            changed = changed || joined != there[reg];
            there[reg] = joined;
        }
        if (changed) {
            work.add(local);
        }
    }
    HeldRegisters stepped(HeldRegisters regs, InsnIndex at) {
        const Insn& insn = subject_.insn(at);
        note_escapes(regs, insn, at);
        const Held result = result_of(regs, at);
        const RegSet written = writes(insn);
        for (Reg reg = 0; reg < kFramePointer; ++reg) {
            if ((written & only(reg)) != 0) {
                regs[reg] = reg == 0 || written != kCallerSaved ? result : Held{};
            }
        }
        return regs;
    }
    void note_escapes(const HeldRegisters& regs, const Insn& insn, InsnIndex at) {
        switch (insn.kind) {
        case InsnKind::store_reg:
            note_store(regs[insn.dst], regs[insn.src], insn);
            return;
        case InsnKind::atomic:
            note_stored(regs[insn.src].bases);
            return;
        case InsnKind::call_subprogram:
            note_stored(bases_of_arguments(regs, callee_escapes(insn, at).stored));
            note_stored(found_by(regs, callee_escapes(insn, at).read));
            return;
        case InsnKind::call_helper: {
            const spec::HelperRow* row = spec::find_helper(static_cast<std::uint32_t>(insn.imm));
            if (row == nullptr || row->effects.has(spec::Effect::calls_back)) {
                const Escapes escapes = row == nullptr ? Escapes::unknown() : of_callbacks_;
                note_stored(bases_of_arguments(regs, escapes.stored));
                note_stored(found_by(regs, escapes.read));
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
    void note_stored(Bases bases) {
        found_more_ = found_more_ || (flow_.escapes.stored | bases) != flow_.escapes.stored;
        flow_.escapes.stored |= bases;
    }
    // What a function may find that reads so much of our frame: to copy it to other places there,
    // or to return it. With an address of our own frame it may find any other.
    [[nodiscard]] Bases found_by(const HeldRegisters& regs,
                                 const std::array<ReadBytes, 6>& read) const {
        Bases found = kNoBases;
        for (Reg reg = 1; reg <= 5; ++reg) {
            const Held& base = regs[reg];
            const ReadBytes& extent = read[reg];
            if ((base.bases & kOwnFrame) == 0 || extent.is_empty()) {
                continue;
            }
            const SlotSet slots =
                base.is_near_address()
                    ? slots_between(base.number + extent.first, base.greatest() + extent.end)
                    : kAllSlots;
            for (std::uint32_t slot = 0; slot < spills_.size(); ++slot) {
                found |= (slots >> slot & 1U) != 0 ? spills_[slot].bases : kNoBases;
            }
        }
        return (found & kOwnFrame) != 0 ? found | flow_.spilled : found;
    }
    void note_store(const Held& base, const Held& value, const Insn& insn) {
        if (value.bases == kNoBases || insn.size_bytes != kSlotBytes) {
            return; // a part of an address is a number when it comes back
        }
        const std::optional<std::uint32_t> slot = own_slot(base, insn);
        if (!slot.has_value()) {
            note_stored(value.bases);
            return;
        }
        Held& spilled = spills_[*slot];
        const Held joined = spilled.bases == kNoBases ? value : spilled.join(value);
        found_more_ = found_more_ || joined != spilled;
        spilled = joined;
        flow_.spilled |= value.bases;
        flow_.in_slot[*slot] |= value.bases;
    }
    // The slot of the own frame that is read or written whole.
    static std::optional<std::uint32_t> own_slot(const Held& base, const Insn& insn) {
        const std::int64_t offset = base.number + insn.offset;
        const bool whole = base.is_address() && base.bases == kOwnFrame &&
                           insn.size_bytes == kSlotBytes && offset % kSlotBytes == 0 &&
                           offset >= -kStackBytes && offset < 0;
        return whole ? std::optional(Stack::slot_of(static_cast<int>(offset))) : std::nullopt;
    }
    [[nodiscard]] Held loaded(const Held& base, const Insn& insn) const {
        // Addresses of frames lie on stacks alone, and come back whole or as numbers.
        if (base.bases == kNoBases || insn.size_bytes != kSlotBytes) {
            return {};
        }
        const std::optional<std::uint32_t> slot = own_slot(base, insn);
        const bool from_own = (base.bases & kOwnFrame) != 0;
        if (!slot.has_value()) {
            // In a caller's frame there may be addresses of what the caller handed over.
            return perhaps(static_cast<Bases>(flow_.escapes.stored | (base.bases & ~kOwnFrame) |
                                              (from_own ? flow_.spilled : kNoBases)));
        }
        const Held& spilled = spills_[*slot];
        if (flow_.escapes.stored == kNoBases && (spilled.bases & kOwnFrame) == 0) {
            return spilled;
        }
        if (flow_.escapes.stored == kNoBases && spilled.is_near_address()) {
            return spilled.perhaps_near(); // the slot may have held something else
        }
        return perhaps(flow_.escapes.stored | spilled.bases);
    }
    [[nodiscard]] Escapes callee_escapes(const Insn& insn, InsnIndex at) const {
        const auto callee =
            subject_.subprogram_at(InsnIndex{static_cast<std::uint32_t>(insn.target(at))});
        return callee.has_value() ? escapes_of_[*callee] : Escapes::unknown();
    }
    [[nodiscard]] Held result_of(const HeldRegisters& regs, InsnIndex at) const {
        const Insn& insn = subject_.insn(at);
        switch (insn.kind) {
        case InsnKind::alu:
            return alu_result(regs, insn);
        case InsnKind::load_wide:
            return wide(insn);
        case InsnKind::load:
            return loaded(regs[insn.src], insn);
        case InsnKind::atomic:
            return perhaps(flow_.escapes.stored | flow_.spilled);
        case InsnKind::call_subprogram: {
            const Escapes callee = callee_escapes(insn, at);
            return perhaps(bases_of_arguments(regs, callee.returned) | flow_.escapes.stored |
                           found_by(regs, callee.read));
        }
        case InsnKind::call_kfunc:
        case InsnKind::call_register:
            return perhaps(bases_of_arguments(regs, kEveryArgument) | flow_.escapes.stored |
                           flow_.spilled);
        case InsnKind::address_space_cast:
            return perhaps(regs[insn.src].bases);
        case InsnKind::store_imm:
        case InsnKind::store_reg:
        case InsnKind::packet_absolute:
        case InsnKind::packet_indirect:
        case InsnKind::jump:
        case InsnKind::jump_always:
        case InsnKind::may_goto:
        case InsnKind::call_helper:
        case InsnKind::exit:
            return {};
        }
        return {};
    }
    static Held wide(const Insn& insn) {
        if (insn.wide_source == WideSource::number) {
            return {Holds::number, kNoBases, static_cast<std::int64_t>(insn.imm64())};
        }
        return insn.wide_source == WideSource::map_index ? Held{Holds::map, kNoBases, insn.imm}
                                                         : Held{};
    }

    const Subject& subject_;
    const Subprogram& subprogram_;
    const std::vector<Escapes>& escapes_of_;
    const Escapes of_callbacks_;
    FrameFlow flow_;
    std::array<Held, kStackBytes / kSlotBytes> spills_{}; // what each slot may hold, at any time
    bool found_more_ = false;
    std::vector<bool> reached_;
};

} // namespace

Bases bases_of_arguments(const HeldRegisters& regs, Bases bases) {
    Bases result = kNoBases;
    for (Reg reg = 1; reg <= 5; ++reg) {
        if ((bases & (1U << reg)) != 0) {
            result |= regs[reg].bases;
        }
    }
    return result;
}

Escapes callback_escapes(const Subject& subject, const std::vector<Escapes>& escapes) {
    Escapes all;
    ReadBytes read;
    for (std::size_t index = 0; index < subject.subprograms.size(); ++index) {
        if (!subject.subprograms[index].is_callback) {
            continue;
        }
        all.stored |= escapes[index].stored != kNoBases ? kEveryArgument : kNoBases;
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

FrameFlow follow_frame_addresses(const Subject& subject, const Subprogram& subprogram,
                                 const std::vector<Escapes>& escapes) {
    return Pass(subject, subprogram, escapes).run();
}

} // namespace skep::verify
