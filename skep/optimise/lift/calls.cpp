// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cstddef>

#include <fmt/format.h>

#include "skep/helpers/invocation.hpp"
#include "skep/helpers/own_memory.hpp"
#include "skep/optimise/lift/function_lifter.hpp"
#include "skep/optimise/lift/look_up.hpp"
#include "skep/optimise/versions.hpp"
#include "skep/spec/helpers.hpp"

namespace skep::optimise {
namespace {

using run::jit::LookupWay;
using run::jit::MapShape;
using run::jit::Referent;
using run::jit::Routine;

constexpr std::uint32_t kCopiedMost = 128; // bytes; what is copied for a call must stay cheap

// Maps whose functions read a key and a value of the sizes that the map says, and keep no address
// of them.
bool copies_what_it_is_given(spec::MapType type) {
    using spec::MapType;
    return type == MapType::hash || type == MapType::array || type == MapType::percpu_hash ||
           type == MapType::percpu_array || type == MapType::lru_hash ||
           type == MapType::lru_percpu_hash || type == MapType::lpm_trie;
}

} // namespace

llvm::Value* FunctionLifter::invocation_field(std::size_t offset) {
    return builder_.CreateConstInBoundsGEP1_64(shared_.i8, invocation_, offset);
}

llvm::Value* FunctionLifter::cpu_number() { return shared_.cpu_number(builder_, invocation_); }

Result<void> FunctionLifter::lift_helper(std::uint32_t at, const Insn& one) {
    const MapShape* shape = run::jit::looked_up(one, facts(at), shared_.shapes);
    const std::int32_t index = facts(at).map_index;
    const auto maps = shared_.program.maps();
    const spec::MapSpec* map = index >= 0 && static_cast<std::size_t>(index) < maps.size()
                                   ? &maps[static_cast<std::size_t>(index)]
                                   : nullptr;
    if (map != nullptr && shape != nullptr && shape->way == LookupWay::in_place) {
        lift_array_lookup(*shape, *map);
    } else if (map != nullptr && shape != nullptr && shape->way == LookupWay::function &&
               has_home_lanes(*shape) && map->key_size_bytes == shape->key_bytes) {
        lift_hash_lookup(*shape);
    } else if (map != nullptr && shape != nullptr && shape->way == LookupWay::function) {
        lift_function_lookup(*shape, *map);
    } else if (one.imm == number_of(spec::Helper::get_smp_processor_id)) {
        set_number(0, builder_.CreateZExt(cpu_number(), shared_.i64));
    } else if (one.imm == number_of(spec::Helper::tail_call)) {
        call_routine(function_.frame.is_entry ? Routine::tail_call_at_the_end : Routine::tail_call,
                     {number(1), number(2), number(3), constant(0), constant(0)},
                     Leave::when_happened);
    } else if (map != nullptr &&
               (one.imm == number_of(spec::Helper::map_update_elem) ||
                one.imm == number_of(spec::Helper::map_delete_elem)) &&
               copies_what_it_is_given(map->type) && map->key_size_bytes <= kCopiedMost &&
               map->value_size_bytes <= kCopiedMost) {
        call_map_helper(one, *map);
    } else {
        call_plain_helper(one);
    }
    return {};
}

// Which also says that whoever is called may read it.
void FunctionLifter::tell_frame() {
    const std::uint32_t bytes = function_.frame.stack_bytes;
    Value* end = bytes == 0 ? constant(0) : builder_.CreatePtrToInt(frame_pointer_, shared_.i64);
    Value* begin = bytes == 0 ? constant(0) : builder_.CreateSub(end, constant(bytes));
    constexpr std::size_t kRange = offsetof(helpers::Invocation, stack);
    builder_.CreateStore(begin, invocation_field(kRange + offsetof(helpers::MemoryRange, begin)));
    builder_.CreateStore(end, invocation_field(kRange + offsetof(helpers::MemoryRange, end)));
}

void FunctionLifter::call_plain_helper(const Insn& one) {
    if (helpers::reads_any_address(one.imm)) {
        tell_frame();
    }
    std::vector<llvm::Type*> types;
    std::vector<Value*> arguments;
    for (Reg reg = 1; reg <= 5; ++reg) {
        arguments.push_back(either(reg));
        types.push_back(arguments.back()->getType());
    }
    arguments.push_back(invocation_);
    types.push_back(shared_.ptr);
    Value* function = shared_.binding(
        builder_, {.referent = Referent::helper, .index = static_cast<std::uint32_t>(one.imm)});
    llvm::CallInst* call = builder_.CreateCall(llvm::FunctionType::get(shared_.i64, types, false),
                                               function, arguments);
    call->addRetAttr(llvm::Attribute::NoUndef);
    set_number(0, call);
}

// A copy that the call may read, so that the stack which held the original need not be memory. It
// is made of words: whoever reads it by words finds none that was written in parts just before,
// which processors wait for.
llvm::AllocaInst* FunctionLifter::copied(Value* from, std::uint32_t size_bytes) {
    llvm::IRBuilder<> first(&code_->getEntryBlock(), code_->getEntryBlock().begin());
    llvm::AllocaInst* copy = first.CreateAlloca(llvm::ArrayType::get(shared_.i8, size_bytes));
    copy->setAlignment(llvm::Align(8));
    begin_lifetime(builder_, copy, size_bytes);
    for (std::uint32_t at = 0; at < size_bytes;) {
        const std::uint32_t word = std::min(8U, std::bit_floor(size_bytes - at));
        llvm::Type* type = builder_.getIntNTy(word * 8);
        Value* part = builder_.CreateAlignedLoad(
            type, builder_.CreateConstGEP1_64(shared_.i8, from, at), llvm::Align(1));
        builder_.CreateAlignedStore(part, builder_.CreateConstGEP1_64(shared_.i8, copy, at),
                                    llvm::Align(word));
        at += word;
    }
    return copy;
}

// Update and delete: the key in R2, the value in R3.
void FunctionLifter::call_map_helper(const Insn& one, const spec::MapSpec& map) {
    const bool updates = one.imm == number_of(spec::Helper::map_update_elem);
    llvm::AllocaInst* key = copied(address(2), map.key_size_bytes);
    llvm::AllocaInst* value = updates ? copied(address(3), map.value_size_bytes) : nullptr;
    std::vector<Value*> arguments{address(1),
                                  key,
                                  updates ? static_cast<Value*>(value) : constant(0),
                                  updates ? number(4) : constant(0),
                                  constant(0),
                                  invocation_};
    std::vector<llvm::Type*> types;
    types.reserve(arguments.size());
    for (Value* argument : arguments) {
        types.push_back(argument->getType());
    }
    Value* function = shared_.binding(
        builder_, {.referent = Referent::helper, .index = static_cast<std::uint32_t>(one.imm)});
    llvm::CallInst* call = builder_.CreateCall(llvm::FunctionType::get(shared_.i64, types, false),
                                               function, arguments);
    call->addRetAttr(llvm::Attribute::NoUndef);
    end_lifetime(builder_, key, map.key_size_bytes);
    if (updates) {
        end_lifetime(builder_, value, map.value_size_bytes);
    }
    set_number(0, call);
}

// R0 = the address of the value at index *(u32 *)R2, or null.
void FunctionLifter::lift_array_lookup(const MapShape& shape, const spec::MapSpec&) {
    Value* index =
        builder_.CreateFreeze(builder_.CreateAlignedLoad(shared_.i32, address(2), llvm::Align(1)));
    Value* inside =
        builder_.CreateICmpULT(index, llvm::ConstantInt::get(shared_.i32, shape.entries));
    llvm::BasicBlock* from = builder_.GetInsertBlock();
    llvm::BasicBlock* found = new_block();
    llvm::BasicBlock* done = new_block();
    builder_.CreateCondBr(inside, found, done);
    builder_.SetInsertPoint(found);
    Value* value =
        shared_.binding(builder_, {.referent = Referent::map_value, .index = shape.map_index});
    Value* distance = builder_.CreateMul(builder_.CreateZExt(index, shared_.i64),
                                         constant(shape.stride_bytes), "", true, true);
    value = builder_.CreateInBoundsGEP(shared_.i8, value, distance);
    if (shape.cpu_stride_bytes != 0) {
        Value* cpu = builder_.CreateMul(builder_.CreateZExt(cpu_number(), shared_.i64),
                                        constant(shape.cpu_stride_bytes), "", true, true);
        value = builder_.CreateInBoundsGEP(shared_.i8, value, cpu);
    }
    builder_.CreateBr(done);
    builder_.SetInsertPoint(done);
    llvm::PHINode* answer = builder_.CreatePHI(shared_.ptr, 2);
    answer->addIncoming(value, found);
    answer->addIncoming(llvm::ConstantPointerNull::get(shared_.ptr), from);
    set_address(0, answer);
}

// The look-up changes nothing that a program can see, but what the map keeps for itself.
void FunctionLifter::lift_function_lookup(const MapShape& shape, const spec::MapSpec& map) {
    const bool copies = map.key_size_bytes <= kCopiedMost;
    llvm::AllocaInst* copy = copies ? copied(address(2), map.key_size_bytes) : nullptr;
    Value* key = copies ? static_cast<Value*>(copy) : address(2);
    Value* object =
        shared_.binding(builder_, {.referent = Referent::map, .index = shape.map_index});
    const auto pieces = copies ? maps::KeyPieces::words : maps::KeyPieces::halves;
    Value* function = shared_.binding(builder_, {.referent = Referent::lookup_function,
                                                 .index = shape.map_index,
                                                 .addend = static_cast<std::uint64_t>(pieces)});
    auto* type =
        llvm::FunctionType::get(shared_.ptr, {shared_.ptr, shared_.ptr, shared_.i32}, false);
    llvm::CallInst* call = builder_.CreateCall(type, function, {object, key, cpu_number()});
    call->setMemoryEffects(llvm::MemoryEffects::inaccessibleOrArgMemOnly());
    add_no_capture(*call, 1);
    call->addParamAttr(1, llvm::Attribute::ReadOnly);
    call->addFnAttr(llvm::Attribute::WillReturn);
    call->addRetAttr(llvm::Attribute::NoUndef);
    if (copies) {
        end_lifetime(builder_, copy, map.key_size_bytes);
    }
    set_address(0, call);
}

// Up to eight bytes at an address, filled up with zeroes.
llvm::Value* FunctionLifter::key_word(Value* from, std::uint32_t size_bytes) {
    Value* word = constant(0);
    for (std::uint32_t at = 0; at < size_bytes;) {
        const std::uint32_t bytes = std::bit_floor(size_bytes - at);
        Value* piece = builder_.CreateFreeze(builder_.CreateAlignedLoad(
            builder_.getIntNTy(bytes * 8), builder_.CreateConstGEP1_64(shared_.i8, from, at),
            llvm::Align(1)));
        word = builder_.CreateOr(word, builder_.CreateShl(builder_.CreateZExt(piece, shared_.i64),
                                                          std::uint64_t{at} * 8));
        at += bytes;
    }
    return word;
}

// Which changes nothing that a program can see, either.
void FunctionLifter::lift_hash_lookup(const MapShape& shape) {
    constexpr std::uint32_t kWord = 8;
    Value* key = address(2);
    Value* low = key_word(key, std::min(shape.key_bytes, kWord));
    Value* high = constant(0);
    if (shape.key_bytes > kWord) {
        high =
            key_word(builder_.CreateConstGEP1_64(shared_.i8, key, kWord), shape.key_bytes - kWord);
    }
    set_address(0, builder_.CreateCall(look_up_function(shared_, shape), {low, high, invocation_}));
}

void FunctionLifter::call_subprogram(std::int64_t target) {
    const std::size_t callee = shared_.plan.function_at(static_cast<std::uint32_t>(target));
    const Held kinds = shared_.kinds.arguments[callee];
    std::vector<Value*> arguments;
    for (Reg reg = 1; reg <= 5; ++reg) {
        arguments.push_back(kinds.is_address(reg) ? address(reg) : number(reg));
    }
    arguments.push_back(invocation_);
    set_number(0, builder_.CreateCall(shared_.functions[callee], arguments));
}

llvm::CallInst* FunctionLifter::call_answering(Routine routine, std::array<Value*, 5> arguments) {
    std::vector<llvm::Type*> types(5, shared_.i64);
    types.push_back(shared_.ptr);
    std::vector<Value*> all(arguments.begin(), arguments.end());
    all.push_back(invocation_);
    Value* function = shared_.binding(
        builder_, {.referent = Referent::routine, .index = static_cast<std::uint32_t>(routine)});
    llvm::CallInst* call = builder_.CreateCall(
        llvm::FunctionType::get(shared_.routine_answer, types, false), function, all);
    call->addRetAttr(llvm::Attribute::NoUndef);
    return call;
}

// One of its two answers leaves the function with the value.
void FunctionLifter::call_routine(Routine routine, std::array<Value*, 5> arguments, Leave when) {
    llvm::CallInst* answer = call_answering(routine, arguments);
    Value* value = builder_.CreateExtractValue(answer, 0);
    Value* happened = builder_.CreateICmpNE(builder_.CreateExtractValue(answer, 1), constant(0));
    llvm::BasicBlock* leave = new_block();
    llvm::BasicBlock* go_on = new_block();
    const bool on_happening = when == Leave::when_happened;
    builder_.CreateCondBr(happened, on_happening ? leave : go_on, on_happening ? go_on : leave);
    builder_.SetInsertPoint(leave);
    builder_.CreateRet(value);
    builder_.SetInsertPoint(go_on);
    set_number(0, value);
}

// The socket buffer is in R6, as these old instructions want it.
void FunctionLifter::lift_packet_load(const Insn& one) {
    Value* position = constant_of(Width::w32, one.imm);
    if (one.kind == InsnKind::packet_indirect) {
        position = builder_.CreateAdd(builder_.CreateTrunc(number(one.src), shared_.i32), position);
    }
    call_routine(Routine::packet_load,
                 {number(6), builder_.CreateZExt(position, shared_.i64), constant(one.size_bytes),
                  constant(0), constant(0)},
                 Leave::when_not_happened);
}

// The number of the helper is in a register: only in files that nobody verified.
void FunctionLifter::call_register(const Insn& one) {
    constexpr std::int64_t kNoSuchHelper = -22; // EINVAL
    llvm::CallInst* found = call_answering(
        Routine::find_helper,
        {builder_.CreateZExt(builder_.CreateTrunc(number(one.dst), shared_.i32), shared_.i64),
         constant(0), constant(0), constant(0), constant(0)});
    Value* function = builder_.CreateIntToPtr(builder_.CreateExtractValue(found, 0), shared_.ptr);
    Value* is_there = builder_.CreateICmpNE(builder_.CreateExtractValue(found, 1), constant(0));
    llvm::BasicBlock* from = builder_.GetInsertBlock();
    llvm::BasicBlock* calls = new_block();
    llvm::BasicBlock* done = new_block();
    builder_.CreateCondBr(is_there, calls, done);
    builder_.SetInsertPoint(calls);
    std::vector<Value*> arguments;
    for (Reg reg = 1; reg <= 5; ++reg) {
        arguments.push_back(number(reg));
    }
    arguments.push_back(invocation_);
    Value* result = builder_.CreateCall(shared_.function_type(0), function, arguments);
    builder_.CreateBr(done);
    builder_.SetInsertPoint(done);
    llvm::PHINode* answer = builder_.CreatePHI(shared_.i64, 2);
    answer->addIncoming(result, calls);
    answer->addIncoming(constant_of(Width::w64, kNoSuchHelper), from);
    set_number(0, answer);
}

void FunctionLifter::lift_may_goto(std::uint32_t at, const Insn& one) {
    const auto target = static_cast<std::uint32_t>(one.target(InsnIndex{at}));
    settle_for(target);
    settle_for(at + 1);
    Value* where = invocation_field(offsetof(helpers::Invocation, loop_budget));
    Value* left = builder_.CreateLoad(shared_.i64, where);
    llvm::BasicBlock* go_on = new_block();
    builder_.CreateCondBr(builder_.CreateICmpEQ(left, constant(0)), block_at(target), go_on);
    builder_.SetInsertPoint(go_on);
    builder_.CreateStore(builder_.CreateSub(left, constant(1)), where);
    builder_.CreateBr(block_at(std::int64_t{at} + 1));
    is_open_ = false;
}

} // namespace skep::optimise
