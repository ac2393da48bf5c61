// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic, comparisons and byte order on arm64, row by row.
//
// A 32-bit operation of the machine clears the upper half of its result, as BPF wants it, and
// counts of shifts are taken modulo the width by both. Numbers that an instruction cannot hold go
// through kScratch.
#pragma once

#include <bit>

#include "skep/run/jit/arm64/bitmask.hpp"
#include "skep/run/jit/arm64/emit.hpp"

namespace skep::run::jit::arm64 {

template <Op op>
struct Simple {
    static void by_register(Assembler& assembler, Wide wide, Gpr dst, Gpr src) {
        assembler.say(op, wide, {.d = dst, .n = dst, .m = src});
    }
};

template <>
struct EmitArm64Alu<AluOp::add> : Simple<Op::add> {
    static void by_number(Assembler& assembler, Wide wide, Gpr dst, std::int32_t number) {
        add_number(assembler, wide, dst, dst, number);
    }
};
template <>
struct EmitArm64Alu<AluOp::sub> : Simple<Op::sub> {
    static void by_number(Assembler& assembler, Wide wide, Gpr dst, std::int32_t number) {
        if (number == INT32_MIN) { // its opposite does not fit
            assembler.number(kScratch, as_operand(wide, number));
            return by_register(assembler, wide, dst, kScratch);
        }
        add_number(assembler, wide, dst, dst, -number);
    }
};

// The 13 bits of a number for a logical operation of this width.
inline std::optional<std::uint32_t> bitmask_of(Wide wide, std::int32_t number) {
    return wide == Wide::yes ? bitmask_of(as_operand(wide, number))
                             : bitmask_of_word(static_cast<std::uint32_t>(number));
}

template <Op with_register, Op with_bitmask>
struct Logical : Simple<with_register> {
    static void by_number(Assembler& assembler, Wide wide, Gpr dst, std::int32_t number) {
        if (const auto mask = bitmask_of(wide, number)) {
            return assembler.say(with_bitmask, wide,
                                 {.d = dst, .n = dst, .number = static_cast<std::int32_t>(*mask)});
        }
        assembler.number(kScratch, as_operand(wide, number));
        Simple<with_register>::by_register(assembler, wide, dst, kScratch);
    }
};
template <>
struct EmitArm64Alu<AluOp::or_> : Logical<Op::orr, Op::orr_i> {};
template <>
struct EmitArm64Alu<AluOp::and_> : Logical<Op::and_, Op::and_i> {};
template <>
struct EmitArm64Alu<AluOp::xor_> : Logical<Op::eor, Op::eor_i> {};

template <Op by_register_, Op by_count>
struct Shift : Simple<by_register_> {
    static void by_number(Assembler& assembler, Wide wide, Gpr dst, std::int32_t number) {
        shift(assembler, wide, dst, dst, number);
    }
    static void shift(Assembler& assembler, Wide wide, Gpr dst, Gpr src,
                      std::int32_t number) { // NOLINT: the number is the count
        const std::int32_t count = number & (wide == Wide::yes ? 63 : 31);
        if (count == 0) {
            move(assembler, wide, dst, src);
        } else {
            assembler.say(by_count, wide, {.d = dst, .n = src, .number = count});
        }
    }
};
template <>
struct EmitArm64Alu<AluOp::lsh> : Shift<Op::lslv, Op::lsl_i> {};
template <>
struct EmitArm64Alu<AluOp::rsh> : Shift<Op::lsrv, Op::lsr_i> {};
template <>
struct EmitArm64Alu<AluOp::arsh> : Shift<Op::asrv, Op::asr_i> {};

template <>
struct EmitArm64Alu<AluOp::mul> {
    static void by_register(Assembler& assembler, Wide wide, Gpr dst, Gpr src) {
        assembler.say(Op::madd, wide, {.d = dst, .n = dst, .m = src, .a = kZero});
    }
    static void by_number(Assembler& assembler, Wide wide, Gpr dst, std::int32_t number) {
        const std::uint64_t operand = as_operand(wide, number);
        if (std::has_single_bit(operand)) {
            return EmitArm64Alu<AluOp::lsh>::by_number(assembler, wide, dst,
                                                       std::countr_zero(operand));
        }
        assembler.number(kScratch, operand);
        by_register(assembler, wide, dst, kScratch);
    }
};

template <>
struct EmitArm64Alu<AluOp::mov> {
    static void by_register(Assembler& assembler, Wide wide, Gpr dst, Gpr src) {
        move(assembler, wide, dst, src);
    }
    static void by_number(Assembler& assembler, Wide wide, Gpr dst, std::int32_t number) {
        assembler.number(dst, as_operand(wide, number));
    }
};

template <Op extension>
struct SignExtension {
    static void by_register(Assembler& assembler, Wide wide, Gpr dst, Gpr src) {
        assembler.say(extension, wide, {.d = dst, .n = src});
    }
};
template <>
struct EmitArm64Alu<AluOp::movsx8> : SignExtension<Op::sxtb> {};
template <>
struct EmitArm64Alu<AluOp::movsx16> : SignExtension<Op::sxth> {};
template <>
struct EmitArm64Alu<AluOp::movsx32> : SignExtension<Op::sxtw> {};

template <>
struct EmitArm64Alu<AluOp::neg> {
    static void by_number(Assembler& assembler, Wide wide, Gpr dst, std::int32_t) {
        assembler.say(Op::sub, wide, {.d = dst, .n = kZero, .m = dst});
    }
};

template <Sign sign, Part part>
struct AnyDivision {
    static constexpr Division kDivision{sign, part};
    static void by_register(Assembler& assembler, Wide wide, Gpr dst, Gpr src) {
        divide(assembler, wide, kDivision, dst, src);
    }
    static void by_number(Assembler& assembler, Wide wide, Gpr dst, std::int32_t number) {
        divide_by(assembler, wide, kDivision, dst, number);
    }
};
template <>
struct EmitArm64Alu<AluOp::div> : AnyDivision<Sign::unsigned_, Part::quotient> {};
template <>
struct EmitArm64Alu<AluOp::mod> : AnyDivision<Sign::unsigned_, Part::remainder> {};
template <>
struct EmitArm64Alu<AluOp::sdiv> : AnyDivision<Sign::signed_, Part::quotient> {};
template <>
struct EmitArm64Alu<AluOp::smod> : AnyDivision<Sign::signed_, Part::remainder> {};

// Byte order: the width is in the name, the result is the whole register.
template <Op op>
struct OneOperand {
    static void by_number(Assembler& assembler, Wide, Gpr dst, std::int32_t) {
        assembler.say(op, Wide::no, {.d = dst, .n = dst});
    }
};
struct Keep32 {
    static void by_number(Assembler& assembler, Wide, Gpr dst, std::int32_t) {
        move(assembler, Wide::no, dst, dst);
    }
};
struct Keep64 {
    static void by_number(Assembler&, Wide, Gpr, std::int32_t) {}
};
struct Swap16 {
    static void by_number(Assembler& assembler, Wide, Gpr dst, std::int32_t) {
        assembler.say(Op::rev16, Wide::no, {.d = dst, .n = dst});
        assembler.say(Op::uxth, Wide::no, {.d = dst, .n = dst});
    }
};
template <>
struct EmitArm64Alu<AluOp::le16> : OneOperand<Op::uxth> {};
template <>
struct EmitArm64Alu<AluOp::le32> : Keep32 {};
template <>
struct EmitArm64Alu<AluOp::le64> : Keep64 {};
template <>
struct EmitArm64Alu<AluOp::be16> : Swap16 {};
template <>
struct EmitArm64Alu<AluOp::be32> : OneOperand<Op::rev32> {};
template <>
struct EmitArm64Alu<AluOp::be64> : OneOperand<Op::rev64> {};
template <>
struct EmitArm64Alu<AluOp::bswap16> : Swap16 {};
template <>
struct EmitArm64Alu<AluOp::bswap32> : OneOperand<Op::rev32> {};
template <>
struct EmitArm64Alu<AluOp::bswap64> : OneOperand<Op::rev64> {};

template <Condition condition>
struct Is {
    static constexpr Condition kValue = condition;
};
template <>
struct Arm64Condition<JumpOp::jeq> : Is<Condition::equal> {};
template <>
struct Arm64Condition<JumpOp::jne> : Is<Condition::not_equal> {};
template <>
struct Arm64Condition<JumpOp::jset> : Is<Condition::not_equal> {};
template <>
struct Arm64Condition<JumpOp::jgt> : Is<Condition::above> {};
template <>
struct Arm64Condition<JumpOp::jge> : Is<Condition::not_below> {};
template <>
struct Arm64Condition<JumpOp::jlt> : Is<Condition::below> {};
template <>
struct Arm64Condition<JumpOp::jle> : Is<Condition::not_above> {};
template <>
struct Arm64Condition<JumpOp::jsgt> : Is<Condition::greater> {};
template <>
struct Arm64Condition<JumpOp::jsge> : Is<Condition::not_less> {};
template <>
struct Arm64Condition<JumpOp::jslt> : Is<Condition::less> {};
template <>
struct Arm64Condition<JumpOp::jsle> : Is<Condition::not_greater> {};

} // namespace skep::run::jit::arm64
