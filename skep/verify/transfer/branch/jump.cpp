// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/transfer/branch/jump.hpp"

#include <fmt/format.h>

#include "skep/verify/access/secrets.hpp"

#include "skep/verify/transfer/alu.hpp"
#include "skep/verify/transfer/arithmetic.hpp"
#include "skep/verify/transfer/branch/branch.hpp"
#include "skep/verify/transfer/branch/null_check.hpp"
#include "skep/verify/transfer/branch/packet_end.hpp"

namespace skep::verify {
namespace {

Compared part_of(const Insn& insn) {
    return insn.width == Width::w64 ? Compared::whole : Compared::low;
}

bool is_equality(const Insn& insn) {
    return insn.jump_op == JumpOp::jeq || insn.jump_op == JumpOp::jne;
}

// Makes what was learnt about `known` true of every number linked to it: of equal ones directly, of
// those that differ by a constant by adding the difference.
void synchronise_linked(Workspace& workspace, State& state, const Value& known) {
    if (known.id == 0) {
        return;
    }
    const std::int64_t known_delta = known.linked_by_delta ? known.offset : 0;
    state.update_values(
        [&known](const Value& value) {
            return value.is_scalar() && value.id == known.id && !(value == known);
        },
        [&](Value& value) {
            const std::int64_t delta = value.linked_by_delta ? value.offset : 0;
            const Scalar difference =
                Scalar::constant(static_cast<std::uint64_t>(delta - known_delta));
            value.number = delta == known_delta ? known.number
                                                : transferred(AluOp::add, known.number, difference);
            value.origin = workspace.dependencies.join(value.origin, known.origin);
        });
}

void learn_numbers(Workspace& workspace, State& state, const Insn& insn, bool taken) {
    Value dst = state.reg(insn.dst);
    Value src = *Operand(state, insn);
    refine(insn.jump_op, part_of(insn), taken, dst.number, src.number);
    // A side that cannot happen says nothing.
    dst.number = dst.number.is_bottom() ? Scalar::top() : dst.number;
    src.number = src.number.is_bottom() ? Scalar::top() : src.number;
    if (insn.source == Source::reg) {
        const auto origin = workspace.dependencies.join(dst.origin, src.origin);
        dst.origin = origin;
        src.origin = origin;
        state.set_reg(insn.src, src);
    }
    state.set_reg(insn.dst, dst);
    synchronise_linked(workspace, state, dst);
    if (insn.source == Source::reg) {
        synchronise_linked(workspace, state, src);
    }
}

// Equal to a pointer that is not null means not null, of the register that was compared: Linux says
// nothing of its copies. (A typed kernel pointer may be null after all.)
void learn_equal_pointers(Workspace& workspace, State& state, const Insn& insn, bool taken) {
    const Value dst = state.reg(insn.dst);
    const Value src = state.reg(insn.src);
    const bool equal = is_equality(insn) && (insn.jump_op == JumpOp::jeq) == taken;
    if (!equal || !dst.is_pointer() || !src.is_pointer() ||
        dst.may_be_null() == src.may_be_null() || dst.is(ValueKind::btf_object) ||
        src.is(ValueKind::btf_object)) {
        return;
    }
    learn_not_null(workspace.subject, state, dst.may_be_null() ? insn.dst : insn.src);
}

bool same_register(const Insn& insn) { return insn.source == Source::reg && insn.src == insn.dst; }

bool compares_with_zero(const Insn& insn) {
    return insn.source == Source::imm && insn.imm == 0 && is_equality(insn) &&
           insn.width == Width::w64;
}

Ruling<void> not_compared(const Subject& subject, const State& state, Reg reg) {
    const auto line = [&] { return fmt::format("R{} pointer comparison prohibited", reg); };
    return keep_secret(subject, state, reg, line, "the outcome would tell of its address");
}

} // namespace

Ruling<void> check_compared(const Subject& subject, const State& state, const Insn& insn) {
    if (insn.source != Source::reg ||
        (state.reg(insn.dst).is_any_packet() && state.reg(insn.src).is_any_packet())) {
        return {};
    }
    return not_compared(subject, state, insn.src);
}

Ruling<void> check_undecided(const Subject& subject, const State& state, const Insn& insn) {
    const Value& dst = state.reg(insn.dst);
    const bool is_null_check = compares_with_zero(insn) && dst.may_be_null();
    const bool is_end_check = insn.source == Source::reg && insn.width == Width::w64 &&
                              compares_with_end(insn.jump_op, dst, state.reg(insn.src));
    return is_null_check || is_end_check ? Ruling<void>() : not_compared(subject, state, insn.dst);
}

std::optional<bool> jump_decided(const State& state, const Insn& insn) {
    const Value& dst = state.reg(insn.dst);
    const Operand operand(state, insn);
    const Value& src = *operand;
    if (dst.is_scalar() && src.is_scalar()) {
        // A register compared with itself is decided only when it holds one number, as the kernel
        // has it.
        return same_register(insn) && !dst.is_constant()
                   ? std::nullopt
                   : decided(insn.jump_op, part_of(insn), dst.number, src.number);
    }
    if (insn.width == Width::w64 && insn.source == Source::reg && dst.is_any_packet() &&
        src.is_any_packet()) {
        return packet_compare_decided(insn.jump_op, dst, src);
    }
    if (compares_with_zero(insn) && dst.is_pointer() && never_null(dst)) {
        return insn.jump_op == JumpOp::jne;
    }
    return std::nullopt;
}

void need_operands(Workspace& workspace, const State& state, const Insn& insn) {
    workspace.need(state.reg(insn.dst));
    if (insn.source == Source::reg) {
        workspace.need(state.reg(insn.src));
    }
}

void learn_from_jump(Workspace& workspace, State& state, const Insn& insn, bool taken) {
    const bool both_numbers = state.reg(insn.dst).is_scalar() &&
                              (insn.source == Source::imm || state.reg(insn.src).is_scalar());
    if (both_numbers) {
        if (!same_register(insn)) {
            learn_numbers(workspace, state, insn, taken);
        }
        return;
    }
    if (compares_with_zero(insn) && state.reg(insn.dst).may_be_null()) {
        const Value dst = state.reg(insn.dst);
        const bool is_null = (insn.jump_op == JumpOp::jeq) == taken;
        learn_null(workspace.subject, state, dst, is_null ? Nullness::null : Nullness::not_null);
        return;
    }
    if (insn.width == Width::w64 && insn.source == Source::reg) {
        learn_equal_pointers(workspace, state, insn, taken);
        learn_packet_end(state, insn, taken);
    }
}

} // namespace skep::verify
