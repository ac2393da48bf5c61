// SPDX-License-Identifier: Apache-2.0
#include <llvm/IR/Intrinsics.h>

#include "skep/optimise/lift/function_lifter.hpp"

namespace skep::optimise {
namespace {

llvm::CmpInst::Predicate predicate_of(JumpOp op) {
    switch (op) {
    case JumpOp::jeq:
        return llvm::CmpInst::ICMP_EQ;
    case JumpOp::jgt:
        return llvm::CmpInst::ICMP_UGT;
    case JumpOp::jge:
        return llvm::CmpInst::ICMP_UGE;
    case JumpOp::jset: // of the bits that both have, with zero
    case JumpOp::jne:
        return llvm::CmpInst::ICMP_NE;
    case JumpOp::jsgt:
        return llvm::CmpInst::ICMP_SGT;
    case JumpOp::jsge:
        return llvm::CmpInst::ICMP_SGE;
    case JumpOp::jlt:
        return llvm::CmpInst::ICMP_ULT;
    case JumpOp::jle:
        return llvm::CmpInst::ICMP_ULE;
    case JumpOp::jslt:
        return llvm::CmpInst::ICMP_SLT;
    case JumpOp::jsle:
        return llvm::CmpInst::ICMP_SLE;
    }
    return llvm::CmpInst::ICMP_EQ;
}

} // namespace

void FunctionLifter::lift_alu(std::uint32_t at, const Insn& one) {
    if (facts(at).constant.has_value()) {
        return set_number(one.dst, constant(*facts(at).constant));
    }
    if (lift_address_sum(at, one)) {
        return;
    }
    const spec::Operand form = spec::row(one.alu_op).operand;
    const bool unary = form == spec::Operand::unary;
    const bool is_order = form == spec::Operand::order_le || form == spec::Operand::order_be ||
                          form == spec::Operand::order_swap; // of 64 bits too, in either class
    const bool wide = one.width == Width::w64 || is_order;
    const auto operand = [&](Reg reg) { return wide ? number(reg) : number32(reg); };
    Value* dst = one.alu_op == AluOp::mov ? nullptr : operand(one.dst);
    Value* src = one.source == Source::reg && !unary && !is_order ? operand(one.src)
                                                                  : constant_of(one.width, one.imm);
    const bool nonzero = facts(at).divisor_nonzero || (one.source == Source::imm && one.imm != 0);
    set_number(one.dst, computed(one, dst, src, nonzero));
}

// An address that is copied or moved on stays an address. The verifier keeps every address that it
// follows near the object it belongs to, so that a sum with a distance does not wrap. Where the
// base is one thing on one way and another on the next, the sum is one of numbers.
bool FunctionLifter::lift_address_sum(std::uint32_t at, const Insn& one) {
    if (one.width != Width::w64 || !kinds_after_.is_address(one.dst)) {
        return false;
    }
    if (one.alu_op == AluOp::mov && one.source == Source::reg) {
        set_address(one.dst, address(one.src));
        return true;
    }
    if (one.alu_op != AluOp::add && one.alu_op != AluOp::sub) {
        return false;
    }
    const std::optional<Reg> base = base_of_sum(one, facts(at), kinds_);
    if (!base.has_value()) {
        return false;
    }
    const Reg other = *base == one.dst ? one.src : one.dst;
    Value* distance = one.source == Source::reg ? number(other) : constant_of(Width::w64, one.imm);
    if (one.alu_op == AluOp::sub) {
        distance = builder_.CreateNeg(distance);
    }
    set_address(one.dst, builder_.CreateGEP(shared_.i8, address(*base), distance, "",
                                            llvm::GEPNoWrapFlags::noUnsignedSignedWrap()));
    return true;
}

llvm::Value* FunctionLifter::computed(const Insn& one, Value* dst, Value* src, bool nonzero) {
    const auto extended = [&](unsigned bits) {
        Value* low = builder_.CreateTrunc(src, builder_.getIntNTy(bits));
        return builder_.CreateSExt(low, one.width == Width::w64 ? shared_.i64 : shared_.i32);
    };
    switch (one.alu_op) {
    case AluOp::add:
        return builder_.CreateAdd(dst, src);
    case AluOp::sub:
        return builder_.CreateSub(dst, src);
    case AluOp::mul:
        return builder_.CreateMul(dst, src);
    case AluOp::or_:
        return builder_.CreateOr(dst, src);
    case AluOp::and_:
        return builder_.CreateAnd(dst, src);
    case AluOp::xor_:
        return builder_.CreateXor(dst, src);
    case AluOp::neg:
        return builder_.CreateNeg(dst);
    case AluOp::mov:
        return src;
    case AluOp::lsh:
    case AluOp::rsh:
    case AluOp::arsh:
        return shifted(one, dst, src);
    case AluOp::movsx8:
        return extended(8);
    case AluOp::movsx16:
        return extended(16);
    case AluOp::movsx32:
        return extended(32);
    case AluOp::div:
    case AluOp::mod:
        return divided(one, dst, src, nonzero);
    case AluOp::sdiv:
    case AluOp::smod:
        return divided_signed(one, dst, src, nonzero);
    case AluOp::le16:
    case AluOp::le32:
    case AluOp::le64:
    case AluOp::be16:
    case AluOp::be32:
    case AluOp::be64:
    case AluOp::bswap16:
    case AluOp::bswap32:
    case AluOp::bswap64:
        return byte_ordered(one.alu_op, dst);
    }
    return src;
}

// By the count modulo the width.
llvm::Value* FunctionLifter::shifted(const Insn& one, Value* dst, Value* src) {
    Value* count =
        builder_.CreateAnd(src, constant_of(one.width, one.width == Width::w64 ? 63 : 31));
    if (one.alu_op == AluOp::lsh) {
        return builder_.CreateShl(dst, count);
    }
    return one.alu_op == AluOp::rsh ? builder_.CreateLShr(dst, count)
                                    : builder_.CreateAShr(dst, count);
}

// By zero: 0 for a quotient, what was divided for a remainder.
llvm::Value* FunctionLifter::divided(const Insn& one, Value* dst, Value* src, bool nonzero) {
    const bool quotient = one.alu_op == AluOp::div;
    Value* is_zero = builder_.CreateICmpEQ(src, constant_of(one.width, 0));
    Value* divisor = nonzero ? src : builder_.CreateSelect(is_zero, constant_of(one.width, 1), src);
    Value* result =
        quotient ? builder_.CreateUDiv(dst, divisor) : builder_.CreateURem(dst, divisor);
    if (nonzero) {
        return result;
    }
    return builder_.CreateSelect(is_zero, quotient ? constant_of(one.width, 0) : dst, result);
}

// By -1 too: the least number has no opposite.
llvm::Value* FunctionLifter::divided_signed(const Insn& one, Value* dst, Value* src, bool nonzero) {
    const bool quotient = one.alu_op == AluOp::sdiv;
    Value* zero = constant_of(one.width, 0);
    Value* is_minus_one = builder_.CreateICmpEQ(src, constant_of(one.width, -1));
    Value* is_zero = builder_.CreateICmpEQ(src, zero);
    Value* is_special = nonzero ? is_minus_one : builder_.CreateOr(is_zero, is_minus_one);
    Value* divisor = builder_.CreateSelect(is_special, constant_of(one.width, 1), src);
    Value* result =
        quotient ? builder_.CreateSDiv(dst, divisor) : builder_.CreateSRem(dst, divisor);
    result = builder_.CreateSelect(is_minus_one, quotient ? builder_.CreateNeg(dst) : zero, result);
    if (nonzero) {
        return result;
    }
    return builder_.CreateSelect(is_zero, quotient ? zero : dst, result);
}

// Hosts are little-endian.
llvm::Value* FunctionLifter::byte_ordered(AluOp op, Value* dst) {
    const unsigned bits = op == AluOp::le16 || op == AluOp::be16 || op == AluOp::bswap16   ? 16
                          : op == AluOp::le32 || op == AluOp::be32 || op == AluOp::bswap32 ? 32
                                                                                           : 64;
    llvm::Type* type = builder_.getIntNTy(bits);
    Value* low = builder_.CreateZExtOrTrunc(dst, type);
    const bool kept = op == AluOp::le16 || op == AluOp::le32 || op == AluOp::le64;
    return kept ? low : builder_.CreateUnaryIntrinsic(llvm::Intrinsic::bswap, low);
}

llvm::Value* FunctionLifter::compared(const Insn& one) {
    const bool by_reg = one.source == Source::reg;
    const auto predicate = predicate_of(one.jump_op);
    const bool wide = one.width == Width::w64;
    if (wide && is_address(one.dst) && by_reg && is_address(one.src) &&
        one.jump_op != JumpOp::jset) {
        return builder_.CreateICmp(predicate, address(one.dst), address(one.src));
    }
    if (wide && is_address(one.dst) && !by_reg && one.imm == 0 && one.jump_op != JumpOp::jset) {
        return builder_.CreateICmp(predicate, address(one.dst),
                                   llvm::ConstantPointerNull::get(shared_.ptr));
    }
    const auto operand = [&](Reg reg) { return wide ? number(reg) : number32(reg); };
    Value* dst = operand(one.dst);
    Value* src = by_reg ? operand(one.src) : constant_of(one.width, one.imm);
    if (one.jump_op == JumpOp::jset) {
        dst = builder_.CreateAnd(dst, src);
        src = constant_of(one.width, 0);
    }
    return builder_.CreateICmp(predicate, dst, src);
}

} // namespace skep::optimise
