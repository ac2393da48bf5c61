// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/effects.hpp"

namespace skep::run::jit {
namespace {

constexpr RegSet kAny = 0xffff;

constexpr KindEffects effects_of_kind(InsnKind kind, Source source) {
    const RegSet second_operand = source == Source::reg ? kAny : RegSet{0};
    switch (kind) {
    case InsnKind::alu: // what replaces dst is in kReadsDst
        return {.reads_dst = kAny, .reads_src = second_operand, .writes_dst = kAny};
    case InsnKind::load_wide:
        return {.writes_dst = kAny};
    case InsnKind::load:
    case InsnKind::address_space_cast:
        return {.reads_src = kAny, .writes_dst = kAny};
    case InsnKind::store_imm:
        return {.reads_dst = kAny};
    case InsnKind::store_reg:
        return {.reads_dst = kAny, .reads_src = kAny};
    case InsnKind::packet_absolute:
        return {.reads = set_of(6), .writes = kCallerSaved};
    case InsnKind::packet_indirect:
        return {.reads_src = kAny, .reads = set_of(6), .writes = kCallerSaved};
    case InsnKind::jump:
        return {.reads_dst = kAny, .reads_src = second_operand};
    case InsnKind::jump_always:
    case InsnKind::may_goto:
        return {};
    case InsnKind::call_helper:
    case InsnKind::call_subprogram:
    case InsnKind::call_kfunc:
        return {.reads = kArguments, .writes = kCallerSaved};
    case InsnKind::call_register:
        return {.reads_dst = kAny, .reads = kArguments, .writes = kCallerSaved};
    case InsnKind::exit:
        return {.reads = set_of(0)};
    case InsnKind::atomic:
        break;
    }
    return {.reads = kAllRegs, .writes = kAllRegs};
}

} // namespace

constexpr std::array<std::array<KindEffects, 2>, 32> kKindEffects = [] {
    std::array<std::array<KindEffects, 2>, 32> effects{};
    for (std::size_t kind = 0; kind < effects.size(); ++kind) {
        for (const Source source : {Source::imm, Source::reg}) {
            effects[kind][static_cast<std::size_t>(source)] =
                effects_of_kind(static_cast<InsnKind>(kind), source);
        }
    }
    return effects;
}();
static_assert(static_cast<std::size_t>(InsnKind::address_space_cast) < kKindEffects.size());

constexpr std::array<RegSet, spec::kAluRows.size()> kReadsDst = [] {
    std::array<RegSet, spec::kAluRows.size()> reads{};
    for (const spec::AluRow& row : spec::kAluRows) {
        const bool replaces = row.op == AluOp::mov || row.operand == spec::Operand::register_ ||
                              row.operand == spec::Operand::register64;
        reads[static_cast<std::size_t>(row.op)] = replaces ? RegSet{0} : kAny;
    }
    return reads;
}();

Effects effects_of_atomic(const Insn& insn) {
    const auto both = static_cast<RegSet>(set_of(insn.dst) | set_of(insn.src));
    switch (spec::row(insn.atomic_op).form) {
    case spec::AtomicForm::update:
    case spec::AtomicForm::store:
        return {both, 0};
    case spec::AtomicForm::fetch:
        return insn.atomic_op == AtomicOp::cmpxchg
                   ? Effects{static_cast<RegSet>(both | set_of(0)), set_of(0)}
                   : Effects{both, set_of(insn.src)};
    case spec::AtomicForm::load:
        return {set_of(insn.src), set_of(insn.dst)};
    }
    return {kAllRegs, kAllRegs};
}

} // namespace skep::run::jit
