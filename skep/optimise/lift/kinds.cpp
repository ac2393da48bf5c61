// SPDX-License-Identifier: Apache-2.0
#include "skep/optimise/lift/kinds.hpp"

#include "skep/spec/helpers.hpp"

namespace skep::optimise {
namespace {

constexpr RegBits kArgumentBits = 0x3e; // r1 to r5
constexpr RegBits kFrameBit = bit_of(kFramePointer);

RegBits with(RegBits bits, Reg reg, bool is_address) {
    return static_cast<RegBits>(is_address ? bits | bit_of(reg) : bits & ~bit_of(reg));
}

bool gives_address(std::int32_t helper) {
    const auto* row = spec::find_helper(static_cast<std::uint32_t>(helper));
    if (row == nullptr) {
        return false;
    }
    using spec::ResultKind;
    const ResultKind kind = row->result.kind;
    return kind != ResultKind::nothing && kind != ResultKind::integer &&
           kind != ResultKind::count_or_error && kind != ResultKind::cpu_number;
}

bool alu_gives_address(const Insn& insn, RegBits before) {
    if (insn.width != Width::w64) {
        return false;
    }
    const bool dst = (before & bit_of(insn.dst)) != 0;
    const bool src = insn.source == Source::reg && (before & bit_of(insn.src)) != 0;
    // Never fewer addresses of more: the walk settles only so.
    if (insn.alu_op == AluOp::add) {
        return dst || src;
    }
    return insn.alu_op == AluOp::mov ? src : insn.alu_op == AluOp::sub && dst;
}

class Walk {
  public:
    Walk(const verify::VerifiedProgram& program, const run::jit::Plan& plan)
        : program_(program), plan_(plan) {
        kinds_.before.resize(plan.insns.size());
        kinds_.arguments.resize(plan.functions.size());
        kinds_.address_taken.resize(plan.functions.size());
        seen_.resize(plan.insns.size());
    }

    Kinds run() {
        const auto slots = static_cast<std::uint32_t>(plan_.insns.size());
        for (std::uint32_t at = 0; at < slots; at += plan_.insns[at].slots()) {
            const Insn& insn = plan_.insns[at];
            if (insn.kind == InsnKind::load_wide && insn.wide_source == WideSource::function) {
                kinds_.address_taken[function_at(std::int64_t{at} + 1 + insn.imm)] = true;
            }
        }
        kinds_.arguments[0] = bit_of(1);
        for (const run::jit::Function& function : plan_.functions) {
            arrive(function.start, function.start == 0 ? bit_of(1) : RegBits{0});
        }
        while (!open_.empty()) {
            const std::uint32_t at = open_.back();
            open_.pop_back();
            step(at);
        }
        return std::move(kinds_);
    }

  private:
    [[nodiscard]] std::size_t function_at(std::int64_t slot) const {
        return plan_.function_of[static_cast<std::size_t>(slot)];
    }

    void arrive(std::int64_t slot, RegBits bits) {
        const auto at = static_cast<std::size_t>(slot);
        if (slot < 0 || at >= plan_.insns.size()) {
            return;
        }
        const auto joined = static_cast<RegBits>(kinds_.before[at] | bits | kFrameBit);
        if (!seen_[at] || joined != kinds_.before[at]) {
            seen_[at] = true;
            kinds_.before[at] = joined;
            open_.push_back(static_cast<std::uint32_t>(at));
        }
    }

    void step(std::uint32_t at) {
        const Insn& insn = plan_.insns[at];
        const RegBits before = kinds_.before[at];
        const RegBits after = kinds_after(insn, program_.facts()[at], before);
        const std::int64_t next = std::int64_t{at} + insn.slots();
        if (insn.kind == InsnKind::exit) {
            return;
        }
        if (insn.kind == InsnKind::jump || insn.kind == InsnKind::jump_always ||
            insn.kind == InsnKind::may_goto) {
            arrive(insn.target(InsnIndex{at}), after);
        }
        if (insn.kind == InsnKind::call_subprogram) {
            hand_over(insn.target(InsnIndex{at}), before);
        }
        if (insn.kind != InsnKind::jump_always) {
            arrive(next, after);
        }
    }

    void hand_over(std::int64_t target, RegBits before) {
        const std::size_t callee = function_at(target);
        if (!kinds_.address_taken[callee] && callee != 0) {
            kinds_.arguments[callee] =
                static_cast<RegBits>(kinds_.arguments[callee] | (before & kArgumentBits));
            arrive(target, kinds_.arguments[callee]);
        }
    }

    const verify::VerifiedProgram& program_;
    const run::jit::Plan& plan_;
    Kinds kinds_;
    std::vector<bool> seen_;
    std::vector<std::uint32_t> open_;
};

} // namespace

Kinds kinds_of(const verify::VerifiedProgram& program, const run::jit::Plan& plan) {
    return Walk(program, plan).run();
}

RegBits kinds_after(const Insn& insn, const verify::InsnFacts& facts, RegBits before) {
    switch (insn.kind) {
    case InsnKind::alu:
        return with(before, insn.dst,
                    !facts.constant.has_value() &&
                        (alu_gives_address(insn, before) ||
                         (facts.produces_pointer && insn.width == Width::w64)));
    case InsnKind::load:
        return with(before, insn.dst,
                    facts.produces_pointer && insn.size_bytes == 8 && !facts.constant.has_value() &&
                        !facts.fault_reads_zero);
    case InsnKind::load_wide:
        return with(before, insn.dst,
                    insn.wide_source != WideSource::number &&
                        insn.wide_source != WideSource::function);
    case InsnKind::address_space_cast:
        return with(before, insn.dst, (before & bit_of(insn.src)) != 0);
    case InsnKind::atomic:
        if (insn.atomic_op == AtomicOp::load_acq) {
            return with(before, insn.dst, false);
        }
        if (spec::row(insn.atomic_op).form != spec::AtomicForm::fetch) {
            return before;
        }
        return with(before, insn.atomic_op == AtomicOp::cmpxchg ? Reg{0} : insn.src, false);
    case InsnKind::call_helper:
        return with(before, 0, gives_address(insn.imm));
    case InsnKind::packet_absolute:
    case InsnKind::packet_indirect:
    case InsnKind::call_subprogram:
    case InsnKind::call_kfunc:
    case InsnKind::call_register:
        return with(before, 0, false);
    case InsnKind::store_imm:
    case InsnKind::store_reg:
    case InsnKind::jump:
    case InsnKind::jump_always:
    case InsnKind::may_goto:
    case InsnKind::exit:
        return before;
    }
    return before;
}

} // namespace skep::optimise
