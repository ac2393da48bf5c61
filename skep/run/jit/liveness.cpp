// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/liveness.hpp"

#include <algorithm>

namespace skep::run::jit {
namespace {

constexpr int kMaxPasses = 16;

RegSet reads_of_alu(const Insn& insn) {
    const bool register_source = insn.source == Source::reg;
    const RegSet src = register_source ? set_of(insn.src) : RegSet{0};
    const spec::Operand operand = spec::row(insn.alu_op).operand;
    const bool replaces = insn.alu_op == AluOp::mov || operand == spec::Operand::register_ ||
                          operand == spec::Operand::register64;
    return static_cast<RegSet>(src | (replaces ? 0 : set_of(insn.dst)));
}

RegSet writes_of_atomic(const Insn& insn) {
    switch (spec::row(insn.atomic_op).form) {
    case spec::AtomicForm::update:
    case spec::AtomicForm::store:
        return 0;
    case spec::AtomicForm::fetch:
        return insn.atomic_op == AtomicOp::cmpxchg ? set_of(0) : set_of(insn.src);
    case spec::AtomicForm::load:
        return set_of(insn.dst);
    }
    return kAllRegs;
}

// What is live after the instruction: before its successors.
RegSet live_after(const Plan& plan, const std::vector<RegSet>& live, std::uint32_t at) {
    const Insn& insn = plan.insns[at];
    const std::uint32_t next = at + insn.slots();
    if (insn.kind == InsnKind::exit) {
        return 0;
    }
    if (insn.kind == InsnKind::jump_always) {
        return live[static_cast<std::size_t>(insn.target(InsnIndex{at}))];
    }
    const bool two_ways = insn.kind == InsnKind::jump || insn.kind == InsnKind::may_goto;
    const RegSet there =
        two_ways ? live[static_cast<std::size_t>(insn.target(InsnIndex{at}))] : RegSet{0};
    return live[next] | there;
}

} // namespace

RegSet reads_of(const Insn& insn) {
    const auto both = static_cast<RegSet>(set_of(insn.dst) | set_of(insn.src));
    switch (insn.kind) {
    case InsnKind::alu:
        return reads_of_alu(insn);
    case InsnKind::load_wide:
    case InsnKind::jump_always:
    case InsnKind::may_goto:
        return 0;
    case InsnKind::load:
    case InsnKind::address_space_cast:
        return set_of(insn.src);
    case InsnKind::store_imm:
        return set_of(insn.dst);
    case InsnKind::store_reg:
        return both;
    case InsnKind::atomic:
        return insn.atomic_op == AtomicOp::load_acq  ? set_of(insn.src)
               : insn.atomic_op == AtomicOp::cmpxchg ? static_cast<RegSet>(both | set_of(0))
                                                     : both;
    case InsnKind::packet_absolute:
        return set_of(6);
    case InsnKind::packet_indirect:
        return static_cast<RegSet>(set_of(6) | set_of(insn.src));
    case InsnKind::jump:
        return insn.source == Source::reg ? both : set_of(insn.dst);
    case InsnKind::call_helper:
    case InsnKind::call_subprogram:
    case InsnKind::call_kfunc:
        return kArguments;
    case InsnKind::call_register:
        return static_cast<RegSet>(kArguments | set_of(insn.dst));
    case InsnKind::exit:
        return set_of(0);
    }
    return kAllRegs;
}

RegSet writes_of(const Insn& insn) {
    switch (insn.kind) {
    case InsnKind::alu:
    case InsnKind::load_wide:
    case InsnKind::load:
    case InsnKind::address_space_cast:
        return set_of(insn.dst);
    case InsnKind::store_imm:
    case InsnKind::store_reg:
    case InsnKind::jump:
    case InsnKind::jump_always:
    case InsnKind::may_goto:
    case InsnKind::exit:
        return 0;
    case InsnKind::atomic:
        return writes_of_atomic(insn);
    case InsnKind::packet_absolute:
    case InsnKind::packet_indirect:
    case InsnKind::call_helper:
    case InsnKind::call_subprogram:
    case InsnKind::call_kfunc:
    case InsnKind::call_register:
        return kCallerSaved;
    }
    return kAllRegs;
}

std::vector<RegSet> live_before(const Plan& plan, std::span<const verify::InsnFacts> facts) {
    const auto slots = static_cast<std::uint32_t>(plan.insns.size());
    std::vector<RegSet> live(slots + 1, 0);
    struct Effects {
        RegSet reads = 0;
        RegSet writes = 0;
    };
    std::vector<Effects> effects(slots); // asked for in every pass
    for (std::uint32_t at = 0; at < slots; ++at) {
        const Insn& insn = plan.insns[at];
        const bool is_number = at < facts.size() && facts[at].constant.has_value() &&
                               (insn.kind == InsnKind::alu || insn.kind == InsnKind::load);
        effects[at] = {is_number ? RegSet{0} : reads_of(insn), writes_of(insn)};
    }
    bool changed = true;
    for (int pass = 0; changed && pass < kMaxPasses; ++pass) {
        changed = false;
        for (std::uint32_t at = slots; at-- > 0;) {
            if (plan.second_slot[at] != 0) {
                continue;
            }
            const auto before = static_cast<RegSet>(
                effects[at].reads | (live_after(plan, live, at) & ~effects[at].writes));
            changed |= before != live[at];
            live[at] = before;
        }
    }
    if (changed) {
        std::fill(live.begin(), live.end(), kAllRegs);
    }
    return live;
}

} // namespace skep::run::jit
