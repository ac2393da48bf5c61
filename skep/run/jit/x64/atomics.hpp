// SPDX-License-Identifier: Apache-2.0
//
// Atomic operations on x86-64, row by row. Loads acquire and stores release by themselves here.
#pragma once

#include "skep/run/jit/x64/alu.hpp"

namespace skep::run::jit::x64 {

template <Op op>
struct Locked {
    static void emit(Assembler& assembler, AtomicContext context) {
        assembler.memory(op, context.wide(), context.value, context.memory);
    }
};
template <>
struct EmitX64Atomic<AtomicOp::add> : Locked<Op::lock_add> {};
template <>
struct EmitX64Atomic<AtomicOp::or_> : Locked<Op::lock_or> {};
template <>
struct EmitX64Atomic<AtomicOp::and_> : Locked<Op::lock_and> {};
template <>
struct EmitX64Atomic<AtomicOp::xor_> : Locked<Op::lock_xor> {};
template <>
struct EmitX64Atomic<AtomicOp::fetch_add> : Locked<Op::lock_xadd> {};
template <>
struct EmitX64Atomic<AtomicOp::xchg> : Locked<Op::xchg> {}; // locks by itself

// The machine has no fetching form of these: compare and exchange until nobody was in between. It
// needs rax, which is R0's home, so R0 is kept elsewhere meanwhile, also when the address or the
// value is R0.
template <Op op>
struct FetchLoop {
    static void emit(Assembler& assembler, AtomicContext context) {
        const Wide wide = context.wide();
        Memory memory = context.memory;
        move(assembler, Wide::yes, kScratch2, Gpr::rax);
        memory.base = memory.base == Gpr::rax ? kScratch2 : memory.base;
        memory.index = memory.index == Gpr::rax ? kScratch2 : memory.index;
        const Gpr operand = context.value == Gpr::rax ? kScratch2 : context.value;
        const Assembler::Label again = assembler.new_label();
        assembler.memory(Op::load, wide, Gpr::rax, memory);
        assembler.bind(again);
        move(assembler, Wide::yes, kScratch, Gpr::rax);
        assembler.registers(op, wide, operand, kScratch);
        assembler.memory(Op::lock_cmpxchg, wide, kScratch, memory);
        assembler.jump_if(Condition::not_equal, again);
        if (context.value != Gpr::rax) {
            move(assembler, wide, context.value, Gpr::rax);
            move(assembler, Wide::yes, Gpr::rax, kScratch2);
        }
    }
};
template <>
struct EmitX64Atomic<AtomicOp::fetch_or> : FetchLoop<Op::or_> {};
template <>
struct EmitX64Atomic<AtomicOp::fetch_and> : FetchLoop<Op::and_> {};
template <>
struct EmitX64Atomic<AtomicOp::fetch_xor> : FetchLoop<Op::xor_> {};

template <>
struct EmitX64Atomic<AtomicOp::cmpxchg> {
    static void emit(Assembler& assembler, AtomicContext context) {
        assembler.memory(Op::lock_cmpxchg, context.wide(), context.value, context.memory);
        // When the exchange was made the machine leaves rax alone, and its upper half must go.
        if (context.wide() == Wide::no) {
            move(assembler, Wide::no, Gpr::rax, Gpr::rax);
        }
    }
};

template <>
struct EmitX64Atomic<AtomicOp::load_acq> {
    static void emit(Assembler& assembler, AtomicContext context) {
        load(assembler, {context.size_bytes, Extend::zero}, context.value, context.memory);
    }
};
template <>
struct EmitX64Atomic<AtomicOp::store_rel> {
    static void emit(Assembler& assembler, AtomicContext context) {
        store(assembler, context.size_bytes, context.memory, context.value);
    }
};

} // namespace skep::run::jit::x64
