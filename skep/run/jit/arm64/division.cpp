// SPDX-License-Identifier: Apache-2.0
//
// Division and remainder on arm64.
//
// The machine's division is as total as BPF's (RFC 9669, 4.1): by zero it gives zero, and the least
// number by -1 gives itself. A remainder is what the quotient leaves, n - (n / d) * d, which comes
// out right in both cases too: n by zero, and 0 of the least number by -1. So nothing is asked
// before, and no fault can come of it. Unsigned division by a constant is a multiplication
// (jit/constant_division.hpp); signed division is not, since putting the sign back takes as many
// instructions as the short divisions of these machines take cycles.
#include <bit>

#include "skep/run/jit/arm64/alu.hpp"
#include "skep/run/jit/targets/constant_division.hpp"

namespace skep::run::jit::arm64 {
namespace {

void divide_by_power_of_two(Assembler& assembler, Wide wide, Part part, Gpr dst,
                            std::uint64_t divisor) {
    if (part == Part::quotient) {
        EmitArm64Alu<AluOp::rsh>::by_number(assembler, wide, dst, std::countr_zero(divisor));
    } else {
        EmitArm64Alu<AluOp::and_>::by_number(assembler, wide, dst,
                                             static_cast<std::int32_t>(divisor - 1));
    }
}

// kScratch = the high half of dst * multiplier, shifted to the right by `shift`.
void multiply_high(Assembler& assembler, Wide wide, Gpr dst, Reciprocal by) {
    assembler.number(kScratch, by.multiplier);
    const std::int32_t shift = by.needs_addition ? 0 : by.shift;
    if (wide == Wide::yes) {
        assembler.say(Op::umulh, Wide::yes, {.d = kScratch, .n = dst, .m = kScratch});
        EmitArm64Alu<AluOp::rsh>::by_number(assembler, Wide::yes, kScratch, shift);
        return;
    }
    assembler.say(Op::umaddl, Wide::yes, {.d = kScratch, .n = dst, .m = kScratch, .a = kZero});
    EmitArm64Alu<AluOp::rsh>::by_number(assembler, Wide::yes, kScratch, 32 + shift);
}

// Unsigned, by a divisor of at most 31 bits that is no power of two.
void divide_by_multiplying(Assembler& assembler, Wide wide, Part part, Gpr dst,
                           std::int32_t divisor) {
    const auto unsigned_divisor = static_cast<std::uint64_t>(divisor);
    const Reciprocal by = wide == Wide::yes ? reciprocal_of<64>(unsigned_divisor)
                                            : reciprocal_of<32>(unsigned_divisor);
    multiply_high(assembler, wide, dst, by);
    if (by.needs_addition) {
        assembler.say(Op::sub, wide, {.d = kScratch2, .n = dst, .m = kScratch});
        assembler.say(Op::lsr_i, wide, {.d = kScratch2, .n = kScratch2, .number = 1});
        assembler.say(Op::add, wide, {.d = kScratch, .n = kScratch2, .m = kScratch});
        EmitArm64Alu<AluOp::rsh>::by_number(assembler, wide, kScratch, by.shift);
    }
    if (part == Part::quotient) {
        return move(assembler, Wide::yes, dst, kScratch);
    }
    assembler.number(kScratch2, unsigned_divisor);
    assembler.say(Op::msub, wide, {.d = dst, .n = kScratch, .m = kScratch2, .a = dst});
}

} // namespace

void divide(Assembler& assembler, Wide wide, Division division, Gpr dst, Gpr src) {
    const Op op = division.sign == Sign::signed_ ? Op::sdiv : Op::udiv;
    if (division.part == Part::quotient) {
        return assembler.say(op, wide, {.d = dst, .n = dst, .m = src});
    }
    assembler.say(op, wide, {.d = kScratch2, .n = dst, .m = src});
    assembler.say(Op::msub, wide, {.d = dst, .n = kScratch2, .m = src, .a = dst});
}

void divide_by(Assembler& assembler, Wide wide, Division division, Gpr dst, std::int32_t number) {
    const bool is_unsigned = division.sign == Sign::unsigned_;
    if (is_unsigned && number > 0 && std::has_single_bit(static_cast<std::uint32_t>(number))) {
        divide_by_power_of_two(assembler, wide, division.part, dst,
                               static_cast<std::uint64_t>(number));
    } else if (is_unsigned && number > 0) {
        divide_by_multiplying(assembler, wide, division.part, dst, number);
    } else {
        assembler.number(kScratch, as_operand(wide, number));
        divide(assembler, wide, division, dst, kScratch);
    }
}

} // namespace skep::run::jit::arm64
