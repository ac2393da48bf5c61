// SPDX-License-Identifier: Apache-2.0
//
// FunctionLifter: one function of a program, instruction by instruction.
//
// Each register has three homes on the stack, for a number, for one of 32 bits and for an address;
// it is read from and written to the one that its kind names, and where ways with different kinds
// meet, it is turned into what the meeting wants first. LLVM makes values of the homes right away.
//
// The pieces: function_lifter.cpp (blocks, registers), arithmetic.cpp, memory.cpp, calls.cpp.
#pragma once

#include <array>

#include "skep/optimise/lift/frame.hpp"

namespace skep::optimise {

class FunctionLifter {
  public:
    FunctionLifter(Shared& shared, std::size_t index);

    Result<void> run();

  private:
    using Value = llvm::Value;
    enum class Leave : bool { when_not_happened, when_happened };

    // Blocks and registers.
    void make_blocks();
    void make_homes();
    Result<void> check_jumps() const;
    Result<void> lift(std::uint32_t at);
    void close_block(std::uint32_t at);
    void settle_for(std::uint32_t target);
    void count_calls();
    void mark_loop(std::uint32_t at, std::uint32_t target, llvm::Instruction* way_back) const;
    llvm::BasicBlock* block_at(std::int64_t slot) const;
    llvm::BasicBlock* new_block();

    [[nodiscard]] bool is_address(Reg reg) const { return kinds_.is_address(reg); }
    Value* number(Reg reg);
    Value* number32(Reg reg); // its lower half
    Value* address(Reg reg);
    Value* either(Reg reg) { return is_address(reg) ? address(reg) : number(reg); }
    void set_number(Reg reg, Value* value); // of 64 bits or fewer, which are filled up with zeroes
    void set_address(Reg reg, Value* value);
    void set(Reg reg, Value* value); // by the kind after this instruction
    llvm::ConstantInt* constant(std::uint64_t value) const;
    llvm::ConstantInt* constant_of(Width width, std::int64_t value) const;
    const Insn& insn(std::uint32_t at) const { return shared_.plan.insns[at]; }
    const verify::InsnFacts& facts(std::uint32_t at) const { return shared_.program.facts()[at]; }

    // Arithmetic.
    void lift_alu(std::uint32_t at, const Insn& one);
    bool lift_address_sum(std::uint32_t at, const Insn& one);
    Value* computed(const Insn& one, Value* dst, Value* src, bool nonzero);
    Value* shifted(const Insn& one, Value* dst, Value* src);
    Value* divided(const Insn& one, Value* dst, Value* src, bool nonzero);
    Value* divided_signed(const Insn& one, Value* dst, Value* src, bool nonzero);
    Value* byte_ordered(AluOp op, Value* dst);
    Value* compared(const Insn& one);

    // Memory.
    Value* place(Reg base, std::int16_t offset, bool proved);
    void lift_load(std::uint32_t at, const Insn& one);
    void lift_guarded_load(const Insn& one);
    void lift_store(std::uint32_t at, const Insn& one);
    void lift_atomic(std::uint32_t at, const Insn& one);
    Result<void> lift_wide(std::uint32_t at, const Insn& one);
    void mark_access(llvm::Instruction* access, verify::Region region) const;

    // Calls.
    Result<void> lift_helper(std::uint32_t at, const Insn& one);
    void tell_frame();
    void call_plain_helper(const Insn& one);
    void call_map_helper(const Insn& one, const spec::MapSpec& map);
    void lift_array_lookup(const run::jit::MapShape& shape, const spec::MapSpec& map);
    void lift_function_lookup(const run::jit::MapShape& shape, const spec::MapSpec& map);
    void lift_hash_lookup(const run::jit::MapShape& shape);
    Value* key_word(Value* from, std::uint32_t size_bytes);
    llvm::AllocaInst* copied(Value* from, std::uint32_t size_bytes);
    void call_subprogram(std::int64_t target);
    void call_register(const Insn& one);
    void call_routine(run::jit::Routine routine, std::array<Value*, 5> arguments, Leave when);
    llvm::CallInst* call_answering(run::jit::Routine routine, std::array<Value*, 5> arguments);
    void lift_packet_load(const Insn& one);
    void lift_may_goto(std::uint32_t at, const Insn& one);
    Value* cpu_number();
    Value* invocation_field(std::size_t offset);

    Shared& shared_;
    std::size_t index_;
    const run::jit::Function& function_;
    llvm::Function* code_;
    llvm::IRBuilder<> builder_;
    std::vector<llvm::BasicBlock*> blocks_;   // by slot less the start; null where none begins
    std::vector<std::uint32_t> calls_before_; // by slot less the start: of helpers and routines
    std::array<llvm::AllocaInst*, 10> numbers_{};
    std::array<llvm::AllocaInst*, 10> halves_{};
    std::array<llvm::AllocaInst*, 10> addresses_{};
    Value* frame_pointer_ = nullptr;
    Value* invocation_ = nullptr;
    Held kinds_; // before the instruction at hand
    Held kinds_after_;
    bool is_open_ = false; // the block at hand has no end yet
};

} // namespace skep::optimise
