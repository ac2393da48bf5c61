// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explore/frame_addresses.hpp"

#include <deque>

#include "skep/verify/shape/control_flow.hpp"

namespace skep::verify {
namespace {

std::int64_t wrapping_sum(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

Held perhaps(Bases bases) { return {Holds::nothing, bases, 0}; }

Held sum(const Held& a, const Held& b) {
    if (a.is_address() && b.holds == Holds::number) {
        return {Holds::address, a.bases, wrapping_sum(a.number, b.number)};
    }
    if (b.is_address() && a.holds == Holds::number) {
        return sum(b, a);
    }
    return perhaps(a.bases | b.bases);
}

Held alu_result(const HeldRegisters& regs, const Insn& insn) {
    const Held second =
        insn.source == Source::reg ? regs[insn.src] : Held{Holds::number, kNoBases, insn.imm};
    const Held first = regs[insn.dst];
    if (insn.alu_op == AluOp::mov) {
        const bool kept =
            insn.width == Width::w64 || (second.holds == Holds::number && second.number >= 0);
        return kept ? second : perhaps(second.bases);
    }
    if (insn.alu_op == AluOp::add && insn.width == Width::w64) {
        return sum(first, second);
    }
    return perhaps(first.bases | second.bases);
}

class Pass {
  public:
    Pass(const Subject& subject, const Subprogram& subprogram,
         const std::vector<Bases>& returned_by)
        : subject_(subject), subprogram_(subprogram), returned_by_(returned_by) {
        flow_.before.resize(subprogram.end.value - subprogram.start.value);
    }

    FrameFlow run() {
        // What was stored may be loaded anywhere: when more is found to be stored, once more.
        Bases stored = kNoBases;
        do {
            stored = flow_.stored;
            once();
        } while (stored != flow_.stored);
        return std::move(flow_);
    }

  private:
    [[nodiscard]] HeldRegisters& before(InsnIndex at) {
        return flow_.before[at.value - subprogram_.start.value];
    }

    void once() {
        reached_.assign(flow_.before.size(), false);
        HeldRegisters entry{};
        entry[kFramePointer] = {Holds::address, kOwnFrame, 0};
        for (Reg reg = 1; reg <= 5; ++reg) {
            entry[reg] = {Holds::address, static_cast<Bases>(1U << reg), 0};
        }
        std::deque<InsnIndex> work;
        arrive(entry, subprogram_.start, work);
        while (!work.empty()) {
            const InsnIndex at = work.front();
            work.pop_front();
            const HeldRegisters after = stepped(before(at), at);
            const Successors next = successors(subject_, at);
            for (unsigned i = 0; i < next.count; ++i) {
                arrive(after, next.list[i], work);
            }
        }
    }
    void arrive(const HeldRegisters& regs, InsnIndex at, std::deque<InsnIndex>& work) {
        HeldRegisters& there = before(at);
        const std::size_t local = at.value - subprogram_.start.value;
        bool changed = !reached_[local];
        if (changed) {
            reached_[local] = true;
            there = regs;
        }
        for (std::size_t reg = 0; reg < there.size(); ++reg) {
            const Held joined = there[reg].join(regs[reg]);
            changed = changed || joined != there[reg];
            there[reg] = joined;
        }
        if (changed) {
            work.push_back(at);
        }
    }
    HeldRegisters stepped(HeldRegisters regs, InsnIndex at) {
        const Insn& insn = subject_.insn(at);
        if (insn.kind == InsnKind::store_reg || insn.kind == InsnKind::atomic) {
            flow_.stored |= regs[insn.src].bases;
        }
        if (insn.kind == InsnKind::exit) {
            flow_.returned |= static_cast<Bases>(regs[0].bases & ~kOwnFrame);
        }
        const Held result = result_of(regs, at);
        const RegSet written = writes(insn);
        for (Reg reg = 0; reg < kFramePointer; ++reg) {
            if ((written & only(reg)) != 0) {
                regs[reg] = reg == 0 || written != kCallerSaved ? result : Held{};
            }
        }
        return regs;
    }
    [[nodiscard]] Held result_of(const HeldRegisters& regs, InsnIndex at) const {
        const Insn& insn = subject_.insn(at);
        switch (insn.kind) {
        case InsnKind::alu:
            return alu_result(regs, insn);
        case InsnKind::load_wide:
            return wide(insn);
        case InsnKind::load:
        case InsnKind::atomic:
            return perhaps(flow_.stored);
        case InsnKind::call_subprogram: {
            const auto callee =
                subject_.subprogram_at(InsnIndex{static_cast<std::uint32_t>(insn.target(at))});
            const Bases returned = callee.has_value() ? returned_by_[*callee] : kEveryArgument;
            return perhaps(bases_of_arguments(regs, returned));
        }
        case InsnKind::call_kfunc:
        case InsnKind::call_register:
            return perhaps(bases_of_arguments(regs, kEveryArgument) | flow_.stored);
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
    const std::vector<Bases>& returned_by_;
    FrameFlow flow_;
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

FrameFlow follow_frame_addresses(const Subject& subject, const Subprogram& subprogram,
                                 const std::vector<Bases>& returned_by) {
    return Pass(subject, subprogram, returned_by).run();
}

} // namespace skep::verify
