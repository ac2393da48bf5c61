// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "skep/optimise/lift/function_lifter.hpp"

namespace skep::optimise {
namespace {

// What such memory holds was written by somebody; a program's stack may hold nothing yet, values of
// maps may change while they are read, and other memory may be either.
bool is_settled(verify::Region region) {
    return region == verify::Region::context || region == verify::Region::packet;
}

llvm::AtomicRMWInst::BinOp operation_of(AtomicOp op) {
    if (op == AtomicOp::add || op == AtomicOp::fetch_add) {
        return llvm::AtomicRMWInst::Add;
    }
    if (op == AtomicOp::or_ || op == AtomicOp::fetch_or) {
        return llvm::AtomicRMWInst::Or;
    }
    if (op == AtomicOp::and_ || op == AtomicOp::fetch_and) {
        return llvm::AtomicRMWInst::And;
    }
    if (op == AtomicOp::xor_ || op == AtomicOp::fetch_xor) {
        return llvm::AtomicRMWInst::Xor;
    }
    return llvm::AtomicRMWInst::Xchg; // the rest is no update of what was there
}

} // namespace

llvm::Value* FunctionLifter::place(Reg base, std::int16_t offset, bool proved) {
    const auto wraps =
        proved ? llvm::GEPNoWrapFlags::noUnsignedSignedWrap() : llvm::GEPNoWrapFlags::none();
    return builder_.CreateGEP(shared_.i8, address(base), constant_of(Width::w64, offset), "",
                              wraps);
}

void FunctionLifter::mark_access(llvm::Instruction* access, verify::Region region) const {
    if (const std::optional<Scope> scope = Shared::scope_of(region)) {
        shared_.mark(access, *scope);
    }
}

void FunctionLifter::lift_load(std::uint32_t at, const Insn& one) {
    const verify::InsnFacts& known = facts(at);
    if (known.constant.has_value()) {
        return set_number(one.dst, constant(*known.constant));
    }
    if (known.fault_reads_zero) {
        return lift_guarded_load(one);
    }
    const bool is_pointer = kinds_after_.is_address(one.dst);
    llvm::Type* type = is_pointer ? static_cast<llvm::Type*>(shared_.ptr)
                                  : builder_.getIntNTy(one.size_bytes * 8U);
    Value* from = place(one.src, one.offset, known.region != verify::Region::unknown);
    llvm::LoadInst* load = builder_.CreateAlignedLoad(type, from, llvm::Align(1));
    mark_access(load, known.region);
    Value* value = load;
    if (is_settled(known.region)) {
        load->setMetadata(llvm::LLVMContext::MD_noundef, llvm::MDNode::get(shared_.context, {}));
    } else {
        value = builder_.CreateFreeze(load);
    }
    if (is_pointer) {
        return set_address(one.dst, value);
    }
    set_number(one.dst,
               one.extend == Extend::sign ? builder_.CreateSExt(value, shared_.i64) : value);
}

void FunctionLifter::lift_guarded_load(const Insn& one) {
    Value* from = builder_.CreateAdd(number(one.src), constant_of(Width::w64, one.offset));
    llvm::CallInst* answer =
        call_answering(run::jit::Routine::guarded_load,
                       {from, constant(one.size_bytes), constant(0), constant(0), constant(0)});
    Value* value = builder_.CreateTrunc(builder_.CreateExtractValue(answer, 0),
                                        builder_.getIntNTy(one.size_bytes * 8U));
    set_number(one.dst,
               one.extend == Extend::sign ? builder_.CreateSExt(value, shared_.i64) : value);
}

void FunctionLifter::lift_store(std::uint32_t at, const Insn& one) {
    llvm::IntegerType* type = builder_.getIntNTy(one.size_bytes * 8U);
    Value* value = nullptr;
    if (one.kind == InsnKind::store_imm) {
        value = llvm::ConstantInt::get(type, static_cast<std::uint64_t>(std::int64_t{one.imm}));
    } else if (one.size_bytes == 8) {
        value = either(one.src);
    } else {
        value = builder_.CreateTrunc(number(one.src), type);
    }
    Value* to = place(one.dst, one.offset, facts(at).region != verify::Region::unknown);
    mark_access(builder_.CreateAlignedStore(value, to, llvm::Align(1)), facts(at).region);
}

void FunctionLifter::lift_atomic(std::uint32_t at, const Insn& one) {
    using llvm::AtomicOrdering;
    const bool proved = facts(at).region != verify::Region::unknown;
    const llvm::Align align(one.size_bytes);
    llvm::Type* type = builder_.getIntNTy(one.size_bytes * 8U);
    const auto narrow = [&](Reg reg) { return builder_.CreateTrunc(number(reg), type); };
    const auto widened = [&](Value* value) { return builder_.CreateZExt(value, shared_.i64); };
    if (one.atomic_op == AtomicOp::load_acq) {
        llvm::LoadInst* load =
            builder_.CreateAlignedLoad(type, place(one.src, one.offset, proved), align);
        load->setAtomic(AtomicOrdering::Acquire);
        return set_number(one.dst, widened(builder_.CreateFreeze(load)));
    }
    Value* where = place(one.dst, one.offset, proved);
    if (one.atomic_op == AtomicOp::store_rel) {
        llvm::StoreInst* store = builder_.CreateAlignedStore(narrow(one.src), where, align);
        return store->setAtomic(AtomicOrdering::Release);
    }
    if (one.atomic_op == AtomicOp::cmpxchg) {
        auto* exchange = builder_.CreateAtomicCmpXchg(where, narrow(0), narrow(one.src), align,
                                                      AtomicOrdering::SequentiallyConsistent,
                                                      AtomicOrdering::SequentiallyConsistent);
        return set_number(0,
                          widened(builder_.CreateFreeze(builder_.CreateExtractValue(exchange, 0))));
    }
    auto* before = builder_.CreateAtomicRMW(operation_of(one.atomic_op), where, narrow(one.src),
                                            align, AtomicOrdering::SequentiallyConsistent);
    if (spec::row(one.atomic_op).form == spec::AtomicForm::fetch) {
        set_number(one.src, widened(builder_.CreateFreeze(before)));
    }
}

Result<void> FunctionLifter::lift_wide(std::uint32_t at, const Insn& one) {
    using run::jit::Referent;
    const auto index = static_cast<std::uint32_t>(one.imm);
    switch (one.wide_source) {
    case WideSource::number:
        set_number(one.dst, constant(one.imm64()));
        return {};
    case WideSource::function: {
        const auto target = static_cast<std::size_t>(std::int64_t{at} + 1 + one.imm);
        set_address(
            one.dst,
            shared_.functions[shared_.plan.function_at(static_cast<std::uint32_t>(target))]);
        return {};
    }
    case WideSource::map_index:
        set_address(one.dst,
                    shared_.binding(builder_, {.referent = Referent::map, .index = index}));
        return {};
    case WideSource::map_value_index: {
        if (one.imm_high >= shared_.program.maps()[index].value_size_bytes) {
            return fail(Code::unsupported,
                        fmt::format("instruction {}: map '{}' has no value that can be addressed "
                                    "at {}",
                                    at, shared_.program.maps()[index].name, one.imm_high));
        }
        Value* base = shared_.binding(builder_, {.referent = Referent::map_value, .index = index});
        set_address(one.dst, builder_.CreateConstInBoundsGEP1_64(shared_.i8, base, one.imm_high));
        return {};
    }
    case WideSource::map_fd:
    case WideSource::map_value_fd:
    case WideSource::btf_variable:
        break;
    }
    return fail(Code::unsupported,
                fmt::format("instruction {}: refers to what this engine does not have", at));
}

} // namespace skep::optimise
