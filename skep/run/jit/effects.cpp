// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/effects.hpp"

namespace skep::run::jit {
namespace {

constexpr std::uint32_t kReads = 0xffff;
constexpr std::uint32_t kWrites = 0xffff0000;

constexpr std::uint32_t written(RegSet regs) { return std::uint32_t{regs} << 16; }

constexpr KindEffects effects_of_kind(InsnKind kind, Source source) {
    const std::uint32_t second_operand = source == Source::reg ? kReads : 0;
    switch (kind) {
    case InsnKind::alu: // what replaces dst is in kUsesOfDst
        return {.dst = kReads | kWrites, .src = second_operand};
    case InsnKind::load_wide:
        return {.dst = kWrites};
    case InsnKind::load:
    case InsnKind::address_space_cast:
        return {.dst = kWrites, .src = kReads};
    case InsnKind::store_imm:
        return {.dst = kReads};
    case InsnKind::store_reg:
        return {.dst = kReads, .src = kReads};
    case InsnKind::packet_absolute:
        return {.others = set_of(6) | written(kCallerSaved)};
    case InsnKind::packet_indirect:
        return {.src = kReads, .others = set_of(6) | written(kCallerSaved)};
    case InsnKind::jump:
        return {.dst = kReads, .src = second_operand};
    case InsnKind::jump_always:
    case InsnKind::may_goto:
        return {};
    case InsnKind::call_helper:
    case InsnKind::call_subprogram:
    case InsnKind::call_kfunc:
        return {.others = kArguments | written(kCallerSaved)};
    case InsnKind::call_register:
        return {.dst = kReads, .others = kArguments | written(kCallerSaved)};
    case InsnKind::exit:
        return {.others = set_of(0)};
    case InsnKind::atomic:
        break;
    }
    return {.others = kAllRegs | written(kAllRegs)};
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

constexpr std::array<std::uint32_t, spec::kAluRows.size()> kUsesOfDst = [] {
    std::array<std::uint32_t, spec::kAluRows.size()> uses{};
    for (const spec::AluRow& row : spec::kAluRows) {
        const bool replaces = row.op == AluOp::mov || row.operand == spec::Operand::register_ ||
                              row.operand == spec::Operand::register64;
        uses[static_cast<std::size_t>(row.op)] = replaces ? kWrites : kReads | kWrites;
    }
    return uses;
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
