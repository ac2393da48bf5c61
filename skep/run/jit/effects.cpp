// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/effects.hpp"

#include <array>

namespace skep::run::jit {
namespace {

// Operations that do not read what dst held.
constexpr auto kReplaces = [] {
    std::array<bool, spec::kAluRows.size()> replaces{};
    for (const spec::AluRow& row : spec::kAluRows) {
        replaces[static_cast<std::size_t>(row.op)] = row.op == AluOp::mov ||
                                                     row.operand == spec::Operand::register_ ||
                                                     row.operand == spec::Operand::register64;
    }
    return replaces;
}();

RegSet both_of(const Insn& insn) {
    return static_cast<RegSet>(set_of(insn.dst) | set_of(insn.src));
}

RegSet reads_of_alu(const Insn& insn) {
    const RegSet src = insn.source == Source::reg ? set_of(insn.src) : RegSet{0};
    const RegSet dst =
        kReplaces[static_cast<std::size_t>(insn.alu_op)] ? RegSet{0} : set_of(insn.dst);
    return static_cast<RegSet>(src | dst);
}

Effects effects_of_atomic(const Insn& insn) {
    const RegSet both = both_of(insn);
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

} // namespace

Effects effects_of(const Insn& insn) {
    switch (insn.kind) {
    case InsnKind::alu:
        return {reads_of_alu(insn), set_of(insn.dst)};
    case InsnKind::load_wide:
        return {0, set_of(insn.dst)};
    case InsnKind::load:
    case InsnKind::address_space_cast:
        return {set_of(insn.src), set_of(insn.dst)};
    case InsnKind::store_imm:
        return {set_of(insn.dst), 0};
    case InsnKind::store_reg:
        return {both_of(insn), 0};
    case InsnKind::atomic:
        return effects_of_atomic(insn);
    case InsnKind::packet_absolute:
        return {set_of(6), kCallerSaved};
    case InsnKind::packet_indirect:
        return {static_cast<RegSet>(set_of(6) | set_of(insn.src)), kCallerSaved};
    case InsnKind::jump:
        return {insn.source == Source::reg ? both_of(insn) : set_of(insn.dst), 0};
    case InsnKind::jump_always:
    case InsnKind::may_goto:
        return {};
    case InsnKind::call_helper:
    case InsnKind::call_subprogram:
    case InsnKind::call_kfunc:
        return {kArguments, kCallerSaved};
    case InsnKind::call_register:
        return {static_cast<RegSet>(kArguments | set_of(insn.dst)), kCallerSaved};
    case InsnKind::exit:
        return {set_of(0), 0};
    }
    return {kAllRegs, kAllRegs};
}

} // namespace skep::run::jit
