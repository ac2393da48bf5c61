// SPDX-License-Identifier: Apache-2.0
#include "skep/optimise/lift/look_up.hpp"

#include <cstddef>

#include <fmt/format.h>

#include "skep/helpers/invocation.hpp"
#include "skep/optimise/passes/inlining.hpp"

namespace skep::optimise {
namespace {

using llvm::Align;
using llvm::AtomicOrdering;
using llvm::Value;
using maps::HomeLanePart;
using maps::HomeLanes;
using run::jit::MapShape;
using run::jit::Referent;

constexpr std::uint32_t kWordBytes = 8;

llvm::Function* make_function(Shared& shared, llvm::FunctionType* type, const std::string& name) {
    auto* function =
        llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, name, shared.module);
    for (llvm::Argument& argument : function->args()) {
        argument.addAttr(llvm::Attribute::NoUndef);
    }
    function->addRetAttr(llvm::Attribute::NoUndef);
    function->setDoesNotThrow();
    function->setWillReturn();
    function->setMemoryEffects(llvm::MemoryEffects::inaccessibleMemOnly());
    function->addFnAttr(llvm::Attribute::NoInline);
    function->addFnAttr(llvm::Attribute::OptimizeNone);
    return function;
}

// (low, high, the map's function, the map, cpu) -> what that function finds for a key in memory.
// One for all maps of a program.
llvm::Function* search_function(Shared& shared) {
    constexpr const char* kName = "search";
    if (llvm::Function* made = shared.module.getFunction(kName)) {
        return made;
    }
    auto* type = llvm::FunctionType::get(
        shared.ptr, {shared.i64, shared.i64, shared.ptr, shared.ptr, shared.i32}, false);
    llvm::Function* function = make_function(shared, type, kName);
    function->setCallingConv(llvm::CallingConv::PreserveMost);
    function->addFnAttr(llvm::Attribute::Cold);
    function->addFnAttr(kAsItIs);
    llvm::IRBuilder<> builder(llvm::BasicBlock::Create(shared.context, "", function));
    llvm::AllocaInst* key = builder.CreateAlloca(llvm::ArrayType::get(shared.i64, 2));
    builder.CreateAlignedStore(function->getArg(0), key, Align(kWordBytes));
    builder.CreateAlignedStore(function->getArg(1),
                               builder.CreateConstInBoundsGEP1_64(shared.i8, key, kWordBytes),
                               Align(kWordBytes));
    auto* look_up =
        llvm::FunctionType::get(shared.ptr, {shared.ptr, shared.ptr, shared.i32}, false);
    llvm::CallInst* found = builder.CreateCall(look_up, function->getArg(2),
                                               {function->getArg(3), key, function->getArg(4)});
    found->addRetAttr(llvm::Attribute::NoUndef);
    builder.CreateRet(found);
    return function;
}

class LookUp {
  public:
    LookUp(Shared& shared, const MapShape& shape)
        : shared_(shared), shape_(shape), builder_(shared.context) {}

    llvm::Function* make() {
        auto* type =
            llvm::FunctionType::get(shared_.ptr, {shared_.i64, shared_.i64, shared_.ptr}, false);
        function_ = make_function(shared_, type, fmt::format("look_up{}", shape_.map_index));
        function_->addFnAttr(kInlineLast);
        builder_.SetInsertPoint(block());
        search_ = block();
        Value* lane = tagged_lane();
        Value* element = at(part(HomeLanePart::elements), product(lane, shape_.home.stride_bytes));
        hold_key(element);
        if (shape_.home.marks) {
            mark(element);
        }
        builder_.CreateRet(value_of(lane, element));
        builder_.SetInsertPoint(search_);
        builder_.CreateRet(searched());
        return function_;
    }

  private:
    // What the map's own function finds.
    Value* searched() {
        const auto pieces = static_cast<std::uint64_t>(maps::KeyPieces::words);
        Value* callee = shared_.binding(
            builder_,
            {.referent = Referent::lookup_function, .index = shape_.map_index, .addend = pieces});
        Value* map =
            shared_.binding(builder_, {.referent = Referent::map, .index = shape_.map_index});
        llvm::Function* search = search_function(shared_);
        llvm::CallInst* answer = builder_.CreateCall(
            search, {function_->getArg(0), function_->getArg(1), callee, map, cpu_number()});
        answer->setCallingConv(search->getCallingConv());
        return answer;
    }

    // Goes on when the home lane's tag is the key's.
    Value* tagged_lane() {
        Value* hash = hashed();
        Value* lane = builder_.CreateLShr(
            builder_.CreateMul(builder_.CreateLShr(hash, 32), number(shape_.home.lanes), "", true),
            32);
        static_assert(HomeLanes::kBucketBytes == 2 * maps::kLanesPerBucket);
        Value* before = builder_.CreateAnd(lane, ~std::uint64_t{maps::kLanesPerBucket - 1});
        Value* tag_at = at(part(HomeLanePart::buckets), builder_.CreateAdd(lane, before));
        Value* tag = read(shared_.i8, tag_at, Align(1), AtomicOrdering::Acquire);
        Value* wanted = builder_.CreateTrunc(
            builder_.CreateOr(builder_.CreateAnd(hash, 0x7f), number(0x80)), shared_.i8);
        go_on_when(builder_.CreateICmpEQ(tag, wanted));
        return lane;
    }

    Value* hashed() {
        llvm::Type* wide = builder_.getInt128Ty();
        Value* low = builder_.CreateXor(function_->getArg(0), secret(HomeLanePart::secret_low));
        Value* high = secret(HomeLanePart::secret_high);
        if (is_long()) {
            high = builder_.CreateXor(function_->getArg(1), high);
        }
        Value* whole = builder_.CreateMul(builder_.CreateZExt(low, wide),
                                          builder_.CreateZExt(high, wide), "", true);
        return builder_.CreateXor(
            builder_.CreateTrunc(whole, shared_.i64),
            builder_.CreateTrunc(builder_.CreateLShr(whole, 64), shared_.i64));
    }

    // Goes on when the element holds the key, and nobody wrote it meanwhile.
    void hold_key(Value* element) {
        const auto word = [&](unsigned which) {
            Value* where = at(element, number(HomeLanes::kKeyAt + which * kWordBytes));
            Value* stored = read(shared_.i64, where, Align(kWordBytes), AtomicOrdering::Monotonic);
            return builder_.CreateICmpEQ(stored, function_->getArg(which));
        };
        Value* sequence_at = at(element, number(HomeLanes::kSequenceAt));
        const Align aligned(alignof(std::uint32_t));
        Value* before = read(shared_.i32, sequence_at, aligned, AtomicOrdering::Acquire);
        Value* same = word(0);
        if (is_long()) {
            same = builder_.CreateAnd(same, word(1));
        }
        builder_.CreateFence(AtomicOrdering::Acquire);
        Value* after = read(shared_.i32, sequence_at, aligned, AtomicOrdering::Monotonic);
        go_on_when(same);
        Value* is_whole = builder_.CreateICmpEQ(builder_.CreateAnd(before, 1),
                                                llvm::ConstantInt::get(shared_.i32, 0));
        go_on_when(builder_.CreateAnd(is_whole, builder_.CreateICmpEQ(before, after)));
    }

    // Unless it is marked: a line is not dirtied each time.
    void mark(Value* element) {
        const Align aligned(alignof(std::uint32_t));
        Value* mark_at = at(element, number(HomeLanes::kMarkAt));
        Value* marked = read(shared_.i32, mark_at, aligned, AtomicOrdering::Monotonic);
        llvm::BasicBlock* marks = block();
        llvm::BasicBlock* done = block();
        builder_.CreateCondBr(builder_.CreateICmpEQ(marked, llvm::ConstantInt::get(shared_.i32, 0)),
                              marks, done, rarely(true));
        builder_.SetInsertPoint(marks);
        llvm::StoreInst* store =
            builder_.CreateAlignedStore(llvm::ConstantInt::get(shared_.i32, 1), mark_at, aligned);
        store->setAtomic(AtomicOrdering::Monotonic);
        builder_.CreateBr(done);
        builder_.SetInsertPoint(done);
    }

    Value* value_of(Value* lane, Value* element) {
        if (!shape_.home.per_cpu) {
            return at(element, number(shape_.home.value_at));
        }
        Value* cpu =
            builder_.CreateZExt(shared_.cpu_number(builder_, function_->getArg(2)), shared_.i64);
        Value* own = at(part(HomeLanePart::cpu_values), product(cpu, shape_.home.cpu_stride_bytes));
        return at(own, product(lane, shape_.home.cpu_value_bytes));
    }

    void go_on_when(Value* condition) {
        llvm::BasicBlock* next = block();
        builder_.CreateCondBr(condition, next, search_, rarely(false));
        builder_.SetInsertPoint(next);
    }

    llvm::MDNode* rarely(bool which) const {
        constexpr unsigned kOften = 64;
        llvm::MDBuilder weights(shared_.context);
        return which ? weights.createBranchWeights(1, kOften)
                     : weights.createBranchWeights(kOften, 1);
    }

    Value* read(llvm::Type* type, Value* where, Align align, AtomicOrdering order) {
        llvm::LoadInst* load = builder_.CreateAlignedLoad(type, where, align);
        load->setAtomic(order);
        return load;
    }

    Value* at(Value* base, Value* distance) {
        return builder_.CreateInBoundsGEP(shared_.i8, base, distance);
    }
    Value* product(Value* count, std::uint64_t size_bytes) {
        return builder_.CreateMul(count, number(size_bytes), "", true, true);
    }
    llvm::ConstantInt* number(std::uint64_t value) {
        return llvm::ConstantInt::get(shared_.i64, value);
    }
    Value* cpu_number() { return shared_.cpu_number(builder_, function_->getArg(2)); }
    run::jit::Relocation relocation(HomeLanePart which) const {
        return {.referent = Referent::home_lane,
                .index = shape_.map_index,
                .addend = static_cast<std::uint64_t>(which)};
    }
    Value* part(HomeLanePart which) { return shared_.binding(builder_, relocation(which)); }
    Value* secret(HomeLanePart which) { return shared_.bound_number(builder_, relocation(which)); }
    llvm::BasicBlock* block() { return llvm::BasicBlock::Create(shared_.context, "", function_); }
    [[nodiscard]] bool is_long() const { return shape_.key_bytes > kWordBytes; }

    Shared& shared_;
    const MapShape& shape_;
    llvm::IRBuilder<> builder_;
    llvm::Function* function_ = nullptr;
    llvm::BasicBlock* search_ = nullptr;
};

} // namespace

bool has_home_lanes(const MapShape& shape) {
    return shape.home.lanes != 0 && shape.key_bytes <= HomeLanes::kKeyMost;
}

llvm::Function* look_up_function(Shared& shared, const MapShape& shape) {
    llvm::Function*& made = shared.look_ups[shape.map_index];
    if (made == nullptr) {
        made = LookUp(shared, shape).make();
    }
    return made;
}

} // namespace skep::optimise
