// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/transfer/registers.hpp"

#include <fmt/format.h>

#include <bit>

#include "skep/verify/explain/refusal.hpp"

namespace skep::verify {
namespace {

RegSet source(const Insn& insn) { return insn.source == Source::reg ? only(insn.src) : kNoRegs; }

bool takes_dst(spec::AluOp op) {
    return op != spec::AluOp::mov && op != spec::AluOp::movsx8 && op != spec::AluOp::movsx16 &&
           op != spec::AluOp::movsx32;
}

RegSet atomic_reads(const Insn& insn) {
    if (insn.atomic_op == AtomicOp::load_acq) {
        return only(insn.src);
    }
    const RegSet both = only(insn.dst) | only(insn.src);
    return insn.atomic_op == AtomicOp::cmpxchg ? static_cast<RegSet>(both | only(0)) : both;
}

RegSet atomic_writes(const Insn& insn) {
    switch (spec::row(insn.atomic_op).form) {
    case spec::AtomicForm::update:
    case spec::AtomicForm::store:
        return kNoRegs;
    case spec::AtomicForm::load:
        return only(insn.dst);
    case spec::AtomicForm::fetch:
        return insn.atomic_op == AtomicOp::cmpxchg ? only(0) : only(insn.src);
    }
    return kNoRegs;
}

} // namespace

RegSet reads(const Insn& insn) {
    switch (insn.kind) {
    case InsnKind::alu: {
        if (insn.source == Source::imm) {
            return takes_dst(insn.alu_op) ? only(insn.dst) : kNoRegs;
        }
        const bool unary = spec::row(insn.alu_op).operand != spec::Operand::binary &&
                           spec::row(insn.alu_op).operand != spec::Operand::register_ &&
                           spec::row(insn.alu_op).operand != spec::Operand::register64;
        const RegSet dst = takes_dst(insn.alu_op) ? only(insn.dst) : kNoRegs;
        return unary ? dst : static_cast<RegSet>(dst | source(insn));
    }
    case InsnKind::load_wide:
    case InsnKind::jump_always:
    case InsnKind::may_goto:
        return kNoRegs;
    case InsnKind::load:
    case InsnKind::address_space_cast:
        return only(insn.src);
    case InsnKind::store_imm:
        return only(insn.dst);
    case InsnKind::store_reg:
        return only(insn.dst) | only(insn.src);
    case InsnKind::atomic:
        return atomic_reads(insn);
    case InsnKind::packet_absolute:
        return only(6);
    case InsnKind::packet_indirect:
        return only(6) | only(insn.src);
    case InsnKind::jump:
        return only(insn.dst) | source(insn);
    case InsnKind::call_helper:
    case InsnKind::call_subprogram:
    case InsnKind::call_kfunc:
        return kArguments;
    case InsnKind::call_register:
        return kArguments | only(insn.dst);
    case InsnKind::exit:
        return only(0);
    }
    return kNoRegs;
}

RegSet writes(const Insn& insn) {
    switch (insn.kind) {
    case InsnKind::alu:
    case InsnKind::load_wide:
    case InsnKind::load:
    case InsnKind::address_space_cast:
        return only(insn.dst);
    case InsnKind::atomic:
        return atomic_writes(insn);
    case InsnKind::packet_absolute:
    case InsnKind::packet_indirect:
    case InsnKind::call_helper:
    case InsnKind::call_subprogram:
    case InsnKind::call_kfunc:
    case InsnKind::call_register:
        return kCallerSaved;
    case InsnKind::store_imm:
    case InsnKind::store_reg:
    case InsnKind::jump:
    case InsnKind::jump_always:
    case InsnKind::may_goto:
    case InsnKind::exit:
        return kNoRegs;
    }
    return kNoRegs;
}

Finding unreadable(Reg reg) {
    return refuse(
        {.code = FindingCode::unset_register,
         .kernel = fmt::format("R{} !read_ok", reg),
         .what = "a register is read that has no value",
         .because = fmt::format("nothing on this path has set R{}, or a call has cleared it", reg),
         .suggestion =
             "initialise the variable before it is used; R1 to R5 do not survive a call"});
}

namespace {

// In the order in which the kernel asks: the source before the destination.
Finding find_unset(const State& state, const Insn& insn, RegSet read) {
    if ((read & only(insn.src)) != 0 && insn.kind != InsnKind::exit &&
        !state.reg(insn.src).is_initialised()) {
        return unreadable(insn.src);
    }
    unsigned left = read;
    while (state.reg(static_cast<Reg>(std::countr_zero(left))).is_initialised()) {
        left &= left - 1;
    }
    return unreadable(static_cast<Reg>(std::countr_zero(left)));
}

Ruling<void> check_written(const Insn& insn) {
    const bool names_it = insn.dst == kFramePointer || insn.src == kFramePointer;
    if (!names_it || (writes(insn) & only(kFramePointer)) == 0) {
        return {};
    }
    return refuse({.code = FindingCode::pointer_arithmetic,
                   .kernel = "frame pointer is read only",
                   .what = "R10 is written",
                   .because = "R10 is the frame pointer, which no program may change",
                   .suggestion = "copy it to another register first"});
}

} // namespace

Ruling<void> check_registers(const State& state, const Insn& insn) {
    const RegSet read = reads(insn);
    const std::array<Value, kRegisters>& regs = state.current().regs;
    bool is_set = true;
    for (unsigned left = read; left != 0; left &= left - 1) {
        is_set = is_set && regs[static_cast<Reg>(std::countr_zero(left))].is_initialised();
    }
    return is_set ? check_written(insn) : find_unset(state, insn, read);
}

} // namespace skep::verify
