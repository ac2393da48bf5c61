// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/transfer/alu.hpp"

#include <fmt/format.h>

#include "skep/verify/access/secrets.hpp"
#include "skep/verify/explain/refusal.hpp"
#include "skep/verify/transfer/arithmetic.hpp"
#include "skep/verify/transfer/pointer_arithmetic.hpp"

namespace skep::verify {
namespace {

bool is_move(AluOp op) { return op == AluOp::mov; }
bool is_sign_extension(AluOp op) {
    return op == AluOp::movsx8 || op == AluOp::movsx16 || op == AluOp::movsx32;
}
bool is_shift(AluOp op) { return op == AluOp::lsh || op == AluOp::rsh || op == AluOp::arsh; }
bool is_division(AluOp op) {
    return op == AluOp::div || op == AluOp::mod || op == AluOp::sdiv || op == AluOp::smod;
}
bool is_unary(AluOp op) {
    return spec::row(op).operand == spec::Operand::unary ||
           spec::row(op).operand == spec::Operand::order_le ||
           spec::row(op).operand == spec::Operand::order_be ||
           spec::row(op).operand == spec::Operand::order_swap;
}

Scalar applied(const Insn& insn, const Scalar& a, const Scalar& b) {
    return insn.width == Width::w64 ? transferred(insn.alu_op, a, b)
                                    : transferred_low(insn.alu_op, a, b);
}

void step_move_immediate(State& state, const Insn& insn) {
    const std::uint64_t number = insn.width == Width::w64
                                     ? static_cast<std::uint64_t>(std::int64_t{insn.imm})
                                     : static_cast<std::uint32_t>(insn.imm);
    state.set_reg(insn.dst, Value::constant(number));
}

// The bits of a sign extension; for plain moves the width of the class.
unsigned moved_bits(const Insn& insn) {
    if (insn.alu_op == AluOp::movsx8) {
        return 8;
    }
    return insn.alu_op == AluOp::movsx16 ? 16 : 32;
}

// The copy holds the same number as the source: they stay linked.
bool copy_is_equal(const Insn& insn, const Scalar& number) {
    if (is_sign_extension(insn.alu_op)) {
        return number.u.max < (std::uint64_t{1} << (moved_bits(insn) - 1));
    }
    return insn.width == Width::w64 || number.u.max <= 0xffffffffULL;
}

void step_move_register(Workspace& workspace, State& state, const Insn& insn) {
    const bool whole = is_move(insn.alu_op) && insn.width == Width::w64;
    const Value& source = state.reg(insn.src);
    if (!source.is_scalar()) {
        if (whole) {
            state.set_reg(insn.dst, source);
        } else {
            // Of a part of an address nothing is known but how many bits were kept.
            state.set_reg(insn.dst, insn.width == Width::w64 ? Value::unknown()
                                                             : Value::scalar(Scalar::of_bits(32)));
        }
        return;
    }
    const bool equal = copy_is_equal(insn, source.number);
    if (equal && !source.is_constant() && (source.id == 0 || source.linked_by_delta)) {
        link_before_copy(workspace, state.reg_for_write(insn.src));
    }
    Value copy = state.reg(insn.src);
    if (!whole) {
        copy.number = applied(insn, copy.number, copy.number);
    }
    if (!equal) {
        copy.id = 0;
        copy.linked_by_delta = false;
        copy.offset = 0;
    }
    state.set_reg(insn.dst, copy);
}

// Adding a positive constant keeps the link and notes the difference, once; for loaders with
// CAP_BPF.
void keep_or_drop_link(const Workspace& workspace, const Insn& insn, const Value& addend,
                       Value& sum) {
    constexpr std::uint64_t kGreatestDelta = 0x7fffffff;
    if (insn.width == Width::w64 && insn.alu_op == AluOp::add && sum.id != 0 &&
        !sum.linked_by_delta && addend.is_constant() && addend.number.value() <= kGreatestDelta &&
        workspace.subject.environment.capabilities.bpf) {
        sum.linked_by_delta = true;
        sum.offset = static_cast<std::int32_t>(addend.number.value());
        return;
    }
    sum.id = 0;
    sum.offset = 0;
    sum.linked_by_delta = false;
}

void step_numbers(Workspace& workspace, State& state, const Insn& insn, const Value& other) {
    Value result = state.reg(insn.dst);
    keep_or_drop_link(workspace, insn, other, result);
    if (!is_unary(insn.alu_op)) {
        result.origin = workspace.dependencies.join(result.origin, other.origin);
    }
    result.number = applied(insn, result.number, other.number);
    state.set_reg(insn.dst, result);
}

// A part of an address, or one that was changed so that it is none any more, is a number that tells
// of it.
Ruling<void> check_copy(const Subject& subject, const State& state, const Insn& insn) {
    if (is_unary(insn.alu_op)) {
        const auto line = [&] {
            return fmt::format("R{} pointer arithmetic prohibited", insn.dst);
        };
        return keep_secret(subject, state, insn.dst, line,
                           "the result would be a number that tells its address");
    }
    const bool whole = is_move(insn.alu_op) && insn.width == Width::w64;
    if (insn.source == Source::imm || whole) {
        return {};
    }
    const auto line = [&] {
        return fmt::format("R{} {} of pointer", insn.src,
                           insn.width == Width::w32 ? "partial copy" : "sign-extension part");
    };
    return keep_secret(subject, state, insn.src, line,
                       "a part of it would be a number that tells its address");
}

} // namespace

void link_before_copy(Workspace& workspace, Value& source) {
    source.id = workspace.ids.next();
    source.linked_by_delta = false;
    source.offset = 0;
}

Ruling<void> check_alu(const Subject& subject, const State& state, const Insn& insn) {
    const bool immediate = insn.source == Source::imm;
    if (is_division(insn.alu_op) && immediate && insn.imm == 0) {
        return refuse({.code = FindingCode::division_by_zero,
                       .os_errno = EINVAL,
                       .kernel = "div by zero",
                       .what = "a division by the constant zero",
                       .because = "the divisor is the immediate 0"});
    }
    const int bits = insn.width == Width::w64 ? 64 : 32;
    if (is_shift(insn.alu_op) && immediate && (insn.imm < 0 || insn.imm >= bits)) {
        return refuse({.code = FindingCode::broken_structure,
                       .os_errno = EINVAL,
                       .kernel = fmt::format("invalid shift {}", insn.imm),
                       .what = "a shift by more bits than there are",
                       .because = fmt::format("the register has {} bits and is shifted by {}", bits,
                                              insn.imm)});
    }
    if (is_move(insn.alu_op) || is_sign_extension(insn.alu_op) || is_unary(insn.alu_op)) {
        return check_copy(subject, state, insn);
    }
    const Operand other(state, insn);
    if (state.reg(insn.dst).is_scalar() && other->is_scalar()) {
        return {};
    }
    if (state.reg(insn.dst).is(ValueKind::arena)) {
        return {}; // whatever comes out is an address in the arena
    }
    return check_pointer_arithmetic(subject, state, insn, *other);
}

void step_alu(Workspace& workspace, State& state, const Insn& insn) {
    if (is_move(insn.alu_op) || is_sign_extension(insn.alu_op)) {
        if (insn.source == Source::imm) {
            step_move_immediate(state, insn);
        } else {
            step_move_register(workspace, state, insn);
        }
        return;
    }
    const Value& dst = state.reg(insn.dst);
    if (insn.alu_op == AluOp::le64 && dst.is_scalar()) {
        return; // these hosts are little-endian: it stays what it is, with its links
    }
    if (is_unary(insn.alu_op)) {
        if (dst.is_scalar()) {
            step_numbers(workspace, state, insn, dst);
        } else {
            state.set_reg(insn.dst, Value::unknown());
        }
        return;
    }
    if (dst.is(ValueKind::arena)) {
        return;
    }
    const Operand other(state, insn);
    if (dst.is_scalar() && other->is_scalar()) {
        step_numbers(workspace, state, insn, *other);
    } else {
        const Value added = *other;
        step_pointer_arithmetic(workspace, state, insn, added);
    }
}

} // namespace skep::verify
