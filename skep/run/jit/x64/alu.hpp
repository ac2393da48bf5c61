// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic, comparisons and byte order on x86-64, row by row.
//
// A 32-bit operation of the machine clears the upper half of its result, as BPF wants it, and
// counts of shifts are taken modulo the width by both.
#pragma once

#include "skep/run/jit/x64/emit.hpp"

namespace skep::run::jit::x64 {

inline void move(Assembler& assembler, Wide wide, Gpr dst, Gpr src) {
    if (dst != src || wide == Wide::no) { // a 32-bit move to itself clears the upper half
        assembler.registers(Op::mov, wide, src, dst);
    }
}

// One operation of the machine with a register, a small number or any number.
template <Op with_register, Op with_imm8, Op with_imm32>
struct Simple {
    static void by_register(Assembler& assembler, const AluContext& context, Gpr dst, Gpr src) {
        assembler.registers(with_register, context.wide, src, dst);
    }
    static void by_number(Assembler& assembler, const AluContext& context, Gpr dst,
                          std::int32_t number) {
        assembler.register_imm(with_imm8, with_imm32, context.wide, dst, number);
    }
};
template <>
struct EmitX64Alu<AluOp::add> : Simple<Op::add, Op::add_i8, Op::add_i32> {};
template <>
struct EmitX64Alu<AluOp::sub> : Simple<Op::sub, Op::sub_i8, Op::sub_i32> {};
template <>
struct EmitX64Alu<AluOp::or_> : Simple<Op::or_, Op::or_i8, Op::or_i32> {};
template <>
struct EmitX64Alu<AluOp::and_> : Simple<Op::and_, Op::and_i8, Op::and_i32> {};
template <>
struct EmitX64Alu<AluOp::xor_> : Simple<Op::xor_, Op::xor_i8, Op::xor_i32> {};

template <>
struct EmitX64Alu<AluOp::mul> {
    static void by_register(Assembler& assembler, const AluContext& context, Gpr dst, Gpr src) {
        assembler.registers(Op::imul, context.wide, dst, src);
    }
    static void by_number(Assembler& assembler, const AluContext& context, Gpr dst,
                          std::int32_t number) {
        if (fits_int8(number)) {
            assembler.registers_imm(Op::imul_i8, context.wide, dst, dst, number);
        } else {
            assembler.registers_imm(Op::imul_i32, context.wide, dst, dst, number);
        }
    }
};

template <>
struct EmitX64Alu<AluOp::mov> {
    static void by_register(Assembler& assembler, const AluContext& context, Gpr dst, Gpr src) {
        move(assembler, context.wide, dst, src);
    }
    static void by_number(Assembler& assembler, const AluContext& context, Gpr dst,
                          std::int32_t number) {
        assembler.number(dst, context.wide == Wide::yes
                                  ? static_cast<std::uint64_t>(std::int64_t{number})
                                  : static_cast<std::uint32_t>(number));
    }
};

template <Op extension>
struct SignExtension {
    static void by_register(Assembler& assembler, const AluContext& context, Gpr dst, Gpr src) {
        assembler.registers(extension, context.wide, dst, src);
    }
};
template <>
struct EmitX64Alu<AluOp::movsx8> : SignExtension<Op::load_sx8> {};
template <>
struct EmitX64Alu<AluOp::movsx16> : SignExtension<Op::load_sx16> {};
template <>
struct EmitX64Alu<AluOp::movsx32> : SignExtension<Op::load_sx32> {};

// Without BMI2 the count must be in cl, which is R4's home.
template <Op three_operands, Op by_cl, Op by_imm>
struct Shift {
    static void by_register(Assembler& assembler, const AluContext& context, Gpr dst, Gpr src) {
        if (context.features.bmi2) {
            assembler.three_registers(three_operands, context.wide, dst, dst, src);
            return;
        }
        if (src == Gpr::rcx && dst != Gpr::rcx) {
            assembler.one_register(by_cl, context.wide, dst);
            return;
        }
        move(assembler, Wide::yes, kScratch, dst);
        move(assembler, Wide::yes, kScratch2, Gpr::rcx);
        move(assembler, Wide::yes, Gpr::rcx, src);
        assembler.one_register(by_cl, context.wide, kScratch);
        move(assembler, Wide::yes, Gpr::rcx, kScratch2);
        move(assembler, Wide::yes, dst, kScratch);
    }
    static void by_number(Assembler& assembler, const AluContext& context, Gpr dst,
                          std::int32_t number) {
        const std::int32_t count = number & (context.wide == Wide::yes ? 63 : 31);
        if (count == 0) {
            move(assembler, context.wide, dst, dst);
        } else {
            assembler.register_imm(by_imm, context.wide, dst, count);
        }
    }
};
template <>
struct EmitX64Alu<AluOp::lsh> : Shift<Op::shlx, Op::shl_cl, Op::shl_i8> {};
template <>
struct EmitX64Alu<AluOp::rsh> : Shift<Op::shrx, Op::shr_cl, Op::shr_i8> {};
template <>
struct EmitX64Alu<AluOp::arsh> : Shift<Op::sarx, Op::sar_cl, Op::sar_i8> {};

template <>
struct EmitX64Alu<AluOp::neg> {
    static void by_number(Assembler& assembler, const AluContext& context, Gpr dst, std::int32_t) {
        assembler.one_register(Op::neg, context.wide, dst);
    }
};

template <Sign sign, Part part>
struct AnyDivision {
    static constexpr Division kDivision{sign, part};
    static void by_register(Assembler& assembler, const AluContext& context, Gpr dst, Gpr src) {
        divide(assembler, context, kDivision, dst, src);
    }
    static void by_number(Assembler& assembler, const AluContext& context, Gpr dst,
                          std::int32_t number) {
        divide_by(assembler, context, kDivision, dst, number);
    }
};
template <>
struct EmitX64Alu<AluOp::div> : AnyDivision<Sign::unsigned_, Part::quotient> {};
template <>
struct EmitX64Alu<AluOp::mod> : AnyDivision<Sign::unsigned_, Part::remainder> {};
template <>
struct EmitX64Alu<AluOp::sdiv> : AnyDivision<Sign::signed_, Part::quotient> {};
template <>
struct EmitX64Alu<AluOp::smod> : AnyDivision<Sign::signed_, Part::remainder> {};

// Byte order: the width is in the name, the result is the whole register.
struct Keep16 {
    static void by_number(Assembler& assembler, const AluContext&, Gpr dst, std::int32_t) {
        assembler.registers(Op::load_zx16, Wide::no, dst, dst);
    }
};
struct Keep32 {
    static void by_number(Assembler& assembler, const AluContext&, Gpr dst, std::int32_t) {
        move(assembler, Wide::no, dst, dst);
    }
};
struct Keep64 {
    static void by_number(Assembler&, const AluContext&, Gpr, std::int32_t) {}
};
struct Swap16 {
    static void by_number(Assembler& assembler, const AluContext&, Gpr dst, std::int32_t) {
        assembler.register_imm(Op::rol16_i8, Wide::no, dst, 8);
        assembler.registers(Op::load_zx16, Wide::no, dst, dst);
    }
};
template <Wide wide>
struct Swap {
    static void by_number(Assembler& assembler, const AluContext&, Gpr dst, std::int32_t) {
        assembler.plus(Op::bswap, wide, dst);
    }
};
template <>
struct EmitX64Alu<AluOp::le16> : Keep16 {};
template <>
struct EmitX64Alu<AluOp::le32> : Keep32 {};
template <>
struct EmitX64Alu<AluOp::le64> : Keep64 {};
template <>
struct EmitX64Alu<AluOp::be16> : Swap16 {};
template <>
struct EmitX64Alu<AluOp::be32> : Swap<Wide::no> {};
template <>
struct EmitX64Alu<AluOp::be64> : Swap<Wide::yes> {};
template <>
struct EmitX64Alu<AluOp::bswap16> : Swap16 {};
template <>
struct EmitX64Alu<AluOp::bswap32> : Swap<Wide::no> {};
template <>
struct EmitX64Alu<AluOp::bswap64> : Swap<Wide::yes> {};

template <Condition condition>
struct Is {
    static constexpr Condition kValue = condition;
};
template <>
struct X64Condition<JumpOp::jeq> : Is<Condition::equal> {};
template <>
struct X64Condition<JumpOp::jne> : Is<Condition::not_equal> {};
template <>
struct X64Condition<JumpOp::jset> : Is<Condition::not_equal> {};
template <>
struct X64Condition<JumpOp::jgt> : Is<Condition::above> {};
template <>
struct X64Condition<JumpOp::jge> : Is<Condition::not_below> {};
template <>
struct X64Condition<JumpOp::jlt> : Is<Condition::below> {};
template <>
struct X64Condition<JumpOp::jle> : Is<Condition::not_above> {};
template <>
struct X64Condition<JumpOp::jsgt> : Is<Condition::greater> {};
template <>
struct X64Condition<JumpOp::jsge> : Is<Condition::not_less> {};
template <>
struct X64Condition<JumpOp::jslt> : Is<Condition::less> {};
template <>
struct X64Condition<JumpOp::jsle> : Is<Condition::not_greater> {};

} // namespace skep::run::jit::x64
