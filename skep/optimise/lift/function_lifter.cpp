// SPDX-License-Identifier: Apache-2.0
#include "skep/optimise/lift/function_lifter.hpp"

#include <fmt/format.h>
#include <llvm/IR/DebugInfoMetadata.h>

namespace skep::optimise {

FunctionLifter::FunctionLifter(Shared& shared, std::size_t index)
    : shared_(shared), index_(index), function_(shared.plan.functions[index]),
      code_(shared.functions[index]), builder_(shared.context),
      blocks_(function_.end - function_.start), invocation_(code_->getArg(5)) {}

Result<void> FunctionLifter::run() {
    TRY(check_jumps());
    count_calls();
    make_homes();
    make_blocks();
    builder_.CreateBr(blocks_.front());
    for (std::uint32_t at = function_.start; at < function_.end; at += insn(at).slots()) {
        if (llvm::BasicBlock* block = blocks_[at - function_.start]; block != nullptr) {
            close_block(at);
            builder_.SetInsertPoint(block);
            kinds_ = shared_.kinds.before[at];
            is_open_ = true;
        }
        kinds_after_ = kinds_after(insn(at), facts(at), kinds_);
        if (llvm::DISubprogram* lines = code_->getSubprogram()) {
            builder_.SetCurrentDebugLocation(
                llvm::DILocation::get(shared_.context, at + 1, 0, lines));
        }
        TRY(lift(at));
        kinds_ = kinds_after_;
    }
    return {};
}

// A jump stays in its function; the plan knows that it stays in the program.
Result<void> FunctionLifter::check_jumps() const {
    for (std::uint32_t at = function_.start; at < function_.end; at += insn(at).slots()) {
        const InsnKind kind = insn(at).kind;
        if (kind != InsnKind::jump && kind != InsnKind::jump_always && kind != InsnKind::may_goto) {
            continue;
        }
        const std::int64_t target = insn(at).target(InsnIndex{at});
        if (target < function_.start || target >= function_.end) {
            return fail(Code::unsupported,
                        fmt::format("instruction {}: jumps into another function", at));
        }
    }
    return {};
}

void FunctionLifter::make_blocks() {
    bool begins = true;
    for (std::uint32_t at = function_.start; at < function_.end; at += insn(at).slots()) {
        if (begins || shared_.plan.is_target(at)) {
            blocks_[at - function_.start] =
                llvm::BasicBlock::Create(shared_.context, fmt::format("at{}", at), code_);
        }
        const InsnKind kind = insn(at).kind;
        begins = kind == InsnKind::jump || kind == InsnKind::jump_always ||
                 kind == InsnKind::may_goto || kind == InsnKind::exit;
    }
}

void FunctionLifter::count_calls() {
    std::uint32_t calls = 0;
    for (std::uint32_t at = function_.start; at < function_.end; ++at) {
        calls_before_.push_back(calls);
        const bool is_call = shared_.plan.has(run::jit::kCalls, at);
        calls += is_call && insn(at).kind != InsnKind::call_subprogram ? 1 : 0;
    }
}

// A loop around calls gains nothing by being unrolled; what is compiled grows by it many times.
void FunctionLifter::mark_loop(std::uint32_t at, std::uint32_t target,
                               llvm::Instruction* way_back) const {
    const bool calls = target <= at && calls_before_[at - function_.start] !=
                                           calls_before_[target - function_.start];
    if (calls) {
        llvm::MDNode* as_it_is = llvm::MDNode::get(
            shared_.context, llvm::MDString::get(shared_.context, "llvm.loop.unroll.disable"));
        llvm::MDNode* loop = llvm::MDNode::getDistinct(shared_.context, {nullptr, as_it_is});
        loop->replaceOperandWith(0, loop);
        way_back->setMetadata(llvm::LLVMContext::MD_loop, loop);
    }
}

void FunctionLifter::make_homes() {
    builder_.SetInsertPoint(llvm::BasicBlock::Create(shared_.context, "", code_));
    const Held arguments = shared_.kinds.arguments[index_];
    for (Reg reg = 0; reg < kFramePointer; ++reg) {
        numbers_[reg] = builder_.CreateAlloca(shared_.i64);
        halves_[reg] = builder_.CreateAlloca(shared_.i32);
        addresses_[reg] = builder_.CreateAlloca(shared_.ptr);
        Value* zero = constant(0);
        Value* null = llvm::ConstantPointerNull::get(shared_.ptr);
        if (reg >= 1 && reg <= 5) {
            Value* argument = code_->getArg(reg - 1U);
            const bool is_pointer = arguments.is_address(reg);
            zero = is_pointer ? zero : argument;
            null = is_pointer ? argument : builder_.CreateIntToPtr(argument, shared_.ptr);
        }
        builder_.CreateStore(zero, numbers_[reg]);
        builder_.CreateStore(constant_of(Width::w32, 0), halves_[reg]);
        builder_.CreateStore(null, addresses_[reg]);
    }
    constexpr std::uint32_t kWord = 8;
    const std::uint32_t bytes = (function_.frame.stack_bytes + kWord - 1) / kWord * kWord;
    if (bytes == 0) {
        frame_pointer_ = llvm::ConstantPointerNull::get(shared_.ptr); // never used
        return;
    }
    llvm::AllocaInst* stack = builder_.CreateAlloca(llvm::ArrayType::get(shared_.i8, bytes));
    stack->setAlignment(llvm::Align(16));
    frame_pointer_ = builder_.CreateConstInBoundsGEP1_64(shared_.i8, stack, bytes);
}

llvm::BasicBlock* FunctionLifter::block_at(std::int64_t slot) const {
    return blocks_[static_cast<std::size_t>(slot) - function_.start];
}

llvm::BasicBlock* FunctionLifter::new_block() {
    return llvm::BasicBlock::Create(shared_.context, "", code_);
}

// What the block that begins at `target` takes for an address or a number is made so before going
// there: this alone makes the kinds a matter of speed.
void FunctionLifter::settle_for(std::uint32_t target) {
    const Held wanted = shared_.kinds.before[target];
    for (Reg reg = 0; reg < kFramePointer; ++reg) {
        if (wanted.is_address(reg) == is_address(reg) &&
            wanted.is_half(reg) == kinds_.is_half(reg)) {
            continue;
        }
        if (wanted.is_address(reg)) {
            builder_.CreateStore(address(reg), addresses_[reg]);
        } else if (wanted.is_half(reg)) {
            builder_.CreateStore(number32(reg), halves_[reg]);
        } else {
            builder_.CreateStore(number(reg), numbers_[reg]);
        }
    }
}

// Falls into the block that begins here.
void FunctionLifter::close_block(std::uint32_t at) {
    if (is_open_) {
        settle_for(at);
        builder_.CreateBr(block_at(at));
        is_open_ = false;
    }
}

llvm::Value* FunctionLifter::number(Reg reg) {
    if (reg == kFramePointer) {
        return builder_.CreatePtrToInt(frame_pointer_, shared_.i64);
    }
    if (is_address(reg)) {
        return builder_.CreatePtrToInt(builder_.CreateLoad(shared_.ptr, addresses_[reg]),
                                       shared_.i64);
    }
    if (kinds_.is_half(reg)) {
        return builder_.CreateZExt(builder_.CreateLoad(shared_.i32, halves_[reg]), shared_.i64);
    }
    return builder_.CreateLoad(shared_.i64, numbers_[reg]);
}

llvm::Value* FunctionLifter::number32(Reg reg) {
    return kinds_.is_half(reg) ? builder_.CreateLoad(shared_.i32, halves_[reg])
                               : builder_.CreateTrunc(number(reg), shared_.i32);
}

llvm::Value* FunctionLifter::address(Reg reg) {
    if (reg == kFramePointer) {
        return frame_pointer_;
    }
    if (is_address(reg)) {
        return builder_.CreateLoad(shared_.ptr, addresses_[reg]);
    }
    return builder_.CreateIntToPtr(number(reg), shared_.ptr);
}

void FunctionLifter::set_number(Reg reg, Value* value) {
    if (kinds_after_.is_half(reg)) {
        builder_.CreateStore(builder_.CreateZExtOrTrunc(value, shared_.i32), halves_[reg]);
        return;
    }
    value = builder_.CreateZExt(value, shared_.i64);
    if (kinds_after_.is_address(reg)) {
        builder_.CreateStore(builder_.CreateIntToPtr(value, shared_.ptr), addresses_[reg]);
    } else {
        builder_.CreateStore(value, numbers_[reg]);
    }
}

void FunctionLifter::set_address(Reg reg, Value* value) {
    if (kinds_after_.is_address(reg)) {
        builder_.CreateStore(value, addresses_[reg]);
    } else {
        builder_.CreateStore(builder_.CreatePtrToInt(value, shared_.i64), numbers_[reg]);
    }
}

void FunctionLifter::set(Reg reg, Value* value) {
    return value->getType()->isPointerTy() ? set_address(reg, value) : set_number(reg, value);
}

llvm::ConstantInt* FunctionLifter::constant(std::uint64_t value) const {
    return llvm::ConstantInt::get(shared_.i64, value);
}

llvm::ConstantInt* FunctionLifter::constant_of(Width width, std::int64_t value) const {
    return width == Width::w64
               ? constant(static_cast<std::uint64_t>(value))
               : llvm::ConstantInt::get(shared_.i32, static_cast<std::uint32_t>(value));
}

Result<void> FunctionLifter::lift(std::uint32_t at) {
    const Insn& one = insn(at);
    const std::uint32_t next = at + one.slots();
    switch (one.kind) {
    case InsnKind::alu:
        lift_alu(at, one);
        return {};
    case InsnKind::load_wide:
        return lift_wide(at, one);
    case InsnKind::load:
        lift_load(at, one);
        return {};
    case InsnKind::store_imm:
    case InsnKind::store_reg:
        lift_store(at, one);
        return {};
    case InsnKind::atomic:
        lift_atomic(at, one);
        return {};
    case InsnKind::packet_absolute:
    case InsnKind::packet_indirect:
        lift_packet_load(one);
        return {};
    case InsnKind::jump:
    case InsnKind::jump_always: {
        const auto target = static_cast<std::uint32_t>(one.target(InsnIndex{at}));
        const bool always = one.kind == InsnKind::jump_always || facts(at).always_taken;
        Value* condition = always || facts(at).never_taken ? nullptr : compared(one);
        const std::uint32_t way = always ? target : next;
        settle_for(way);
        if (condition == nullptr) {
            mark_loop(at, way, builder_.CreateBr(block_at(way)));
        } else {
            settle_for(target);
            mark_loop(at, target,
                      builder_.CreateCondBr(condition, block_at(target), block_at(next)));
        }
        is_open_ = false;
        return {};
    }
    case InsnKind::may_goto:
        lift_may_goto(at, one);
        return {};
    case InsnKind::call_helper:
        return lift_helper(at, one);
    case InsnKind::call_subprogram:
        call_subprogram(one.target(InsnIndex{at}));
        return {};
    case InsnKind::call_register:
        call_register(one);
        return {};
    case InsnKind::exit:
        builder_.CreateRet(number(0));
        is_open_ = false;
        return {};
    case InsnKind::address_space_cast: // without an arena both address spaces are one
        set(one.dst, either(one.src));
        return {};
    case InsnKind::call_kfunc:
        return fail(Code::unsupported,
                    fmt::format("instruction {}: kernel functions cannot be called", at));
    }
    return {};
}

} // namespace skep::optimise
