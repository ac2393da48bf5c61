// SPDX-License-Identifier: Apache-2.0
//
// Division and remainder on x86-64.
//
// The machine divides rdx:rax, which are R3's and R0's homes, by one operand; so both are kept in
// scratch registers meanwhile. It faults where BPF is total (RFC 9669, 4.1): on zero, and on the
// least number divided by -1. Both are decided before, zero only when it was not proved away.
// Division by a constant is a multiplication (jit/constant_division.hpp).
#include <bit>

#include "skep/run/jit/targets/constant_division.hpp"
#include "skep/run/jit/x64/alu.hpp"

namespace skep::run::jit::x64 {
namespace {

void set_zero(Assembler& assembler, Gpr dst) { assembler.registers(Op::xor_, Wide::no, dst, dst); }

// dst by kScratch, which is neither zero nor, if signed, -1.
void divide_by_scratch(Assembler& assembler, Wide wide, Division division, Gpr dst) {
    if (dst != Gpr::rax) {
        move(assembler, Wide::yes, kScratch2, Gpr::rax);
        move(assembler, Wide::yes, Gpr::rax, dst);
    }
    if (dst != Gpr::rdx) {
        move(assembler, Wide::yes, kScratch3, Gpr::rdx);
    }
    if (division.sign == Sign::signed_) {
        assembler.plain(Op::cdq, wide);
        assembler.one_register(Op::idiv, wide, kScratch);
    } else {
        set_zero(assembler, Gpr::rdx);
        assembler.one_register(Op::div, wide, kScratch);
    }
    move(assembler, Wide::yes, dst, division.part == Part::quotient ? Gpr::rax : Gpr::rdx);
    if (dst != Gpr::rax) {
        move(assembler, Wide::yes, Gpr::rax, kScratch2);
    }
    if (dst != Gpr::rdx) {
        move(assembler, Wide::yes, Gpr::rdx, kScratch3);
    }
}

// x / 0 = 0, x % 0 = x
void divide_by_zero(Assembler& assembler, Wide wide, Division division, Gpr dst) {
    if (division.part == Part::quotient) {
        set_zero(assembler, dst);
    } else {
        move(assembler, wide, dst, dst);
    }
}

// x / -1 = -x, also for the least number; x % -1 = 0
void divide_by_minus_one(Assembler& assembler, Wide wide, Division division, Gpr dst) {
    if (division.part == Part::quotient) {
        assembler.one_register(Op::neg, wide, dst);
    } else {
        set_zero(assembler, dst);
    }
}

void divide_by_power_of_two(Assembler& assembler, const AluContext& context, Part part, Gpr dst,
                            std::uint64_t divisor) {
    if (part == Part::quotient) {
        EmitX64Alu<AluOp::rsh>::by_number(assembler, context, dst, std::countr_zero(divisor));
    } else {
        EmitX64Alu<AluOp::and_>::by_number(assembler, context, dst,
                                           static_cast<std::int32_t>(divisor - 1));
    }
}

// The high half of dst * multiplier into kScratch.
void multiply_high(Assembler& assembler, Wide wide, Gpr dst, std::uint64_t multiplier) {
    assembler.number(kScratch, multiplier);
    if (wide == Wide::no) {
        move(assembler, Wide::no, kScratch2, dst);
        assembler.registers(Op::imul, Wide::yes, kScratch, kScratch2);
        assembler.register_imm(Op::shr_i8, Wide::yes, kScratch, 32);
        return;
    }
    move(assembler, Wide::yes, kScratch2, Gpr::rax);
    move(assembler, Wide::yes, kScratch3, Gpr::rdx);
    move(assembler, Wide::yes, Gpr::rax, dst);
    assembler.one_register(Op::mul, Wide::yes, kScratch);
    move(assembler, Wide::yes, kScratch, Gpr::rdx);
    move(assembler, Wide::yes, Gpr::rdx, kScratch3);
    move(assembler, Wide::yes, Gpr::rax, kScratch2);
}

void shift_right(Assembler& assembler, Wide wide, Gpr dst, std::uint8_t count) {
    if (count != 0) {
        assembler.register_imm(Op::shr_i8, wide, dst, count);
    }
}

// Unsigned, by a divisor of at most 31 bits that is no power of two.
void divide_by_multiplying(Assembler& assembler, Wide wide, Part part, Gpr dst,
                           std::int32_t divisor) {
    const auto unsigned_divisor = static_cast<std::uint64_t>(divisor);
    const Reciprocal by = wide == Wide::yes ? reciprocal_of<64>(unsigned_divisor)
                                            : reciprocal_of<32>(unsigned_divisor);
    multiply_high(assembler, wide, dst, by.multiplier);
    if (by.needs_addition) {
        move(assembler, wide, kScratch2, dst);
        assembler.registers(Op::sub, wide, kScratch, kScratch2);
        assembler.register_imm(Op::shr_i8, wide, kScratch2, 1);
        assembler.registers(Op::add, wide, kScratch2, kScratch);
    }
    shift_right(assembler, wide, kScratch, by.shift);
    if (part == Part::quotient) {
        move(assembler, Wide::yes, dst, kScratch);
    } else {
        assembler.registers_imm(Op::imul_i32, wide, kScratch, kScratch, divisor);
        assembler.registers(Op::sub, wide, kScratch, dst);
    }
}

// d = -d when the sign, all bits alike, says so.
void negate_if(Assembler& assembler, Wide wide, Gpr dst, Gpr sign) {
    assembler.registers(Op::xor_, wide, sign, dst);
    assembler.registers(Op::sub, wide, sign, dst);
}

// Signed, by another number than 0, 1 and -1: the magnitudes are divided, the sign comes back. The
// quotient is negative when one of the two was, the remainder when the dividend was, which waits on
// the stack.
void divide_signed_by(Assembler& assembler, const AluContext& context, Part part, Gpr dst,
                      std::int32_t number) { // NOLINT: the number is the divisor
    const auto sign_bits = context.wide == Wide::yes ? 63 : 31;
    const auto take_sign = [&] {
        assembler.register_imm(Op::sar_i8, context.wide, kScratch, sign_bits);
    };
    assembler.plus(Op::push, Wide::yes, dst);
    move(assembler, context.wide, kScratch, dst);
    take_sign();
    negate_if(assembler, context.wide, dst, kScratch);
    const auto magnitude =
        static_cast<std::uint64_t>(number < 0 ? -std::int64_t{number} : std::int64_t{number});
    if (std::has_single_bit(magnitude)) {
        divide_by_power_of_two(assembler, context, part, dst, magnitude);
    } else {
        divide_by_multiplying(assembler, context.wide, part, dst,
                              static_cast<std::int32_t>(magnitude));
    }
    assembler.plus(Op::pop, Wide::yes, kScratch);
    take_sign();
    if (number < 0 && part == Part::quotient) {
        assembler.one_register(Op::not_, context.wide, kScratch);
    }
    negate_if(assembler, context.wide, dst, kScratch);
}

} // namespace

void divide(Assembler& assembler, const AluContext& context, Division division, Gpr dst, Gpr src) {
    const Wide wide = context.wide;
    const Assembler::Label done = assembler.new_label();
    move(assembler, wide, kScratch, src);
    if (!context.divisor_nonzero) {
        const Assembler::Label nonzero = assembler.new_label();
        assembler.registers(Op::test, wide, kScratch, kScratch);
        assembler.jump_if(Condition::not_equal, nonzero);
        divide_by_zero(assembler, wide, division, dst);
        assembler.jump(done);
        assembler.bind(nonzero);
    }
    if (division.sign == Sign::signed_) {
        const Assembler::Label other = assembler.new_label();
        assembler.register_imm(Op::cmp_i8, wide, kScratch, -1);
        assembler.jump_if(Condition::not_equal, other);
        divide_by_minus_one(assembler, wide, division, dst);
        assembler.jump(done);
        assembler.bind(other);
    }
    divide_by_scratch(assembler, wide, division, dst);
    assembler.bind(done);
}

void divide_by(Assembler& assembler, const AluContext& context, Division division, Gpr dst,
               std::int32_t number) {
    const Wide wide = context.wide;
    const bool is_signed = division.sign == Sign::signed_;
    if (number == 0) {
        divide_by_zero(assembler, wide, division, dst);
    } else if (is_signed && number == -1) {
        divide_by_minus_one(assembler, wide, division, dst);
    } else if (!is_signed && number > 0 &&
               std::has_single_bit(static_cast<std::uint32_t>(number))) {
        divide_by_power_of_two(assembler, context, division.part, dst,
                               static_cast<std::uint64_t>(number));
    } else if (!is_signed && number > 0) {
        divide_by_multiplying(assembler, wide, division.part, dst, number);
    } else if (is_signed && number != 1) {
        divide_signed_by(assembler, context, division.part, dst, number);
    } else {
        EmitX64Alu<AluOp::mov>::by_number(assembler, context, kScratch, number);
        divide_by_scratch(assembler, wide, division, dst);
    }
}

} // namespace skep::run::jit::x64
