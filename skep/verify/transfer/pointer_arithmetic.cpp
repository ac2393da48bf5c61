// SPDX-License-Identifier: Apache-2.0
//
// A constant goes to the fixed offset as long as that fits 32 bits; anything else to the variable
// part, which begins a new base for packet pointers: what was proved of the old one is not known of
// the new one.
#include "skep/verify/transfer/pointer_arithmetic.hpp"

#include <fmt/format.h>

#include <limits>

#include "skep/spec/limits.hpp"
#include "skep/verify/explain/refusal.hpp"
#include "skep/verify/explain/value_text.hpp"
#include "skep/verify/transfer/arithmetic.hpp"

namespace skep::verify {
namespace {

constexpr std::int64_t kMaxOffset = std::int64_t{spec::limits::pointer_offset} + 1;

Finding forbidden(std::string kernel, std::string because, std::string suggestion = {}) {
    return refuse({.code = FindingCode::pointer_arithmetic,
                   .kernel = std::move(kernel),
                   .what = "arithmetic that this pointer does not allow",
                   .because = std::move(because),
                   .suggestion = std::move(suggestion)});
}

bool is_bitwise(AluOp op) { return op == AluOp::and_ || op == AluOp::or_ || op == AluOp::xor_; }

// The pointer and the number among the two operands.
struct Operands {
    Value pointer;
    Value number;
    bool pointer_is_dst = true;
};
Operands operands_of(const State& state, const Insn& insn, const Value& other) {
    const Value& dst = state.reg(insn.dst);
    return dst.is_pointer() ? Operands{dst, other, true} : Operands{other, dst, false};
}

// A difference of pointers, and 32-bit subtraction, give numbers of which nothing is known; for
// those who may see addresses.
bool gives_a_number(const Subject& subject, const State& state, const Insn& insn,
                    const Value& other) {
    if (insn.alu_op != AluOp::sub || !subject.environment.capabilities.perfmon) {
        return false;
    }
    return insn.width == Width::w32 || (state.reg(insn.dst).is_pointer() && other.is_pointer());
}

Ruling<void> check_sane(const Value& pointer, const Value& amount, bool amount_is_pointer) {
    const auto kind = [&pointer] { return kind_text(pointer); };
    const Scalar& number = amount.number;
    if (number.is_constant()) {
        const auto exact = static_cast<std::int64_t>(number.value());
        if (exact >= kMaxOffset || exact <= -kMaxOffset) {
            return forbidden(
                fmt::format("math between {} pointer and {} is not allowed", kind(), exact),
                fmt::format("{} is too far from any object", exact));
        }
    }
    if (amount_is_pointer && (pointer.offset >= kMaxOffset || pointer.offset <= -kMaxOffset)) {
        return forbidden(fmt::format("{} pointer offset {} is not allowed", kind(), pointer.offset),
                         "the fixed offset is too large");
    }
    if (number.s.min == std::numeric_limits<std::int64_t>::min()) {
        return forbidden(
            fmt::format(
                "math between {} pointer and register with unbounded min value is not allowed",
                kind()),
            "the number that is added may be any negative number",
            "make the index unsigned, or test that it is not negative, before it is added");
    }
    if (number.s.min >= kMaxOffset || number.s.min <= -kMaxOffset) {
        return forbidden(
            fmt::format("value {} makes {} pointer be out of bounds", number.s.min, kind()),
            fmt::format("the number that is added is at least {}", number.s.min));
    }
    return {};
}

Ruling<void> check_kind(const Insn& insn, const Operands& operands) {
    const Value& pointer = operands.pointer;
    const bool constant = operands.number.is_constant();
    bool allowed = true;
    switch (pointer.kind) {
    case ValueKind::flow_keys:
        allowed = constant;
        break;
    case ValueKind::map_pointer:
        allowed = operands.number.is_constant_zero() && insn.alu_op == AluOp::add;
        break;
    case ValueKind::packet_end:
    case ValueKind::socket:
    case ValueKind::socket_common:
    case ValueKind::tcp_socket:
    case ValueKind::xdp_socket:
        allowed = false;
        break;
    case ValueKind::uninitialised:
    case ValueKind::scalar:
    case ValueKind::context:
    case ValueKind::map_value:
    case ValueKind::map_key:
    case ValueKind::stack:
    case ValueKind::packet_meta:
    case ValueKind::packet:
    case ValueKind::tracepoint_buffer:
    case ValueKind::btf_object:
    case ValueKind::memory:
    case ValueKind::buffer:
    case ValueKind::arena:
    case ValueKind::function:
    case ValueKind::dynptr:
        break;
    }
    if (!allowed) {
        return forbidden(
            fmt::format("R{} pointer arithmetic on {} prohibited", insn.dst, kind_text(pointer)),
            fmt::format("a pointer of kind {} has one place it may point at", kind_text(pointer)));
    }
    return {};
}

Ruling<void> check_operands(const Subject& subject, const State& state, const Insn& insn,
                            const Value& other) {
    const bool tells = subject.environment.capabilities.perfmon;
    if (state.reg(insn.dst).is_pointer() && other.is_pointer() &&
        (insn.alu_op != AluOp::sub || !tells)) {
        return forbidden(fmt::format("R{} pointer {} pointer prohibited", insn.dst,
                                     spec::row(insn.alu_op).symbol),
                         tells ? "both operands are pointers; only their difference means something"
                               : "both operands are pointers, and their difference tells of "
                                 "addresses, which needs CAP_PERFMON");
    }
    if (insn.width == Width::w32) {
        return forbidden(fmt::format("R{} 32-bit pointer arithmetic prohibited", insn.dst),
                         "half a pointer points nowhere", "use 64-bit arithmetic on pointers");
    }
    return {};
}

// What is done with the pointer, when the pointer and the number are fit for it.
Ruling<void> check_operator(const Insn& insn, const Operands& operands) {
    const std::string_view symbol = spec::row(insn.alu_op).symbol;
    if (is_bitwise(insn.alu_op)) {
        return forbidden(
            fmt::format("R{} bitwise operator {} on pointer prohibited", insn.dst, symbol),
            "only numbers may be added to a pointer or subtracted from it");
    }
    if (insn.alu_op != AluOp::add && insn.alu_op != AluOp::sub) {
        return forbidden(
            fmt::format("R{} pointer arithmetic with {} operator prohibited", insn.dst, symbol),
            "only numbers may be added to a pointer or subtracted from it");
    }
    if (insn.alu_op == AluOp::sub && !operands.pointer_is_dst) {
        return forbidden(fmt::format("R{} tried to subtract pointer from scalar", insn.dst),
                         "a number minus a pointer means nothing");
    }
    if (insn.alu_op == AluOp::sub && operands.pointer.is(ValueKind::stack)) {
        return forbidden(fmt::format("R{} subtraction from stack pointer prohibited", insn.dst),
                         "stack pointers move by adding negative numbers only");
    }
    return {};
}

bool fits_offset(std::int64_t number) {
    return number >= std::numeric_limits<std::int32_t>::min() &&
           number <= std::numeric_limits<std::int32_t>::max();
}

bool is_packet(const Value& value) {
    return value.is(ValueKind::packet) || value.is(ValueKind::packet_meta);
}

// A verdict about the end holds for this place and what lies beyond it, not for places before it.
void keep_end_verdict(Value& result, std::int64_t moved) {
    if (result.range < 0 && moved < 0) {
        result.range = 0;
    }
}

// `base_id` names the new base when there is one.
Value moved(const Insn& insn, const Operands& operands, std::uint32_t base_id) {
    Value result = operands.pointer;
    const Scalar& number = operands.number.number;
    const bool adds = insn.alu_op == AluOp::add;
    if (number.is_constant()) {
        const auto exact = static_cast<std::int64_t>(number.value());
        const std::int64_t delta = adds ? exact : -exact;
        if (exact != std::numeric_limits<std::int64_t>::min() &&
            fits_offset(result.offset + delta)) {
            result.offset += static_cast<std::int32_t>(delta);
            keep_end_verdict(result, delta);
            return result;
        }
    }
    result.number = transferred(insn.alu_op, result.number, number);
    if (is_packet(result)) {
        result.id = base_id;
        // Moving back by a number that is not negative keeps what was proved ahead of the old base.
        if (adds || number.s.min < 0 || result.range < 0) {
            result.range = 0;
        }
    }
    return result;
}

} // namespace

Ruling<void> check_pointer_operands(const Subject& subject, const State& state, const Insn& insn,
                                    const Value& other) {
    if (gives_a_number(subject, state, insn, other)) {
        return {};
    }
    TRY(check_operands(subject, state, insn, other));
    const Operands operands = operands_of(state, insn, other);
    const Value& pointer = operands.pointer;
    if (pointer.may_be_null()) {
        return forbidden(fmt::format("R{} pointer arithmetic on {} prohibited, null-check it first",
                                     insn.dst, kind_text(pointer)),
                         "it may be null, and null plus something is not an object",
                         "compare it with NULL before using it");
    }
    TRY(check_kind(insn, operands));
    TRY(check_sane(pointer, operands.number, false));
    TRY(check_sane(pointer, pointer, true));
    return check_operator(insn, operands);
}

Ruling<void> check_pointer_arithmetic(const Subject& subject, const State& state, const Insn& insn,
                                      const Value& other) {
    TRY(check_pointer_operands(subject, state, insn, other));
    if (gives_a_number(subject, state, insn, other)) {
        return {};
    }
    const Value result = moved(insn, operands_of(state, insn, other), 0);
    return check_sane(result, result, true);
}

void step_pointer_arithmetic(Workspace& workspace, State& state, const Insn& insn,
                             const Value& other) {
    if (gives_a_number(workspace.subject, state, insn, other)) {
        state.set_reg(insn.dst, Value::unknown());
        return;
    }
    const Operands operands = operands_of(state, insn, other);
    workspace.need(operands.number);
    const bool new_base = !operands.number.is_constant() && is_packet(operands.pointer);
    state.set_reg(insn.dst, moved(insn, operands, new_base ? workspace.ids.next() : 0));
}

} // namespace skep::verify
