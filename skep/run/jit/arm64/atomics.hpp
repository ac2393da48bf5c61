// SPDX-License-Identifier: Apache-2.0
//
// Atomic operations on arm64, row by row.
//
// With the large system extensions each is one instruction, which stays fast when many processors
// want the same word; without them it is a loop of exclusive load and store, which every machine of
// the kind has. The generator asks the machine which it is (Features), so neither is a guess.
//
// Order is that of the kernel's atomics: an update that hands nothing back orders nothing; one that
// fetches is ordered against everything before and after it. A loop gets that from a store that
// releases and a barrier behind it. A loop's status and result have registers of their own, since
// an exclusive store must not name one register twice.
#pragma once

#include "skep/run/jit/arm64/alu.hpp"

namespace skep::run::jit::arm64 {

// Writes the loop: kScratch holds what was there, `combine` puts what to store into kScratch2.
template <class Combine>
void exclusive_loop(Assembler& assembler, AtomicContext context, Op store, Combine combine) {
    const Assembler::Label again = assembler.new_label();
    assembler.bind(again);
    assembler.say(Op::ldxr, context.wide(), {.d = kScratch, .n = context.address});
    combine();
    assembler.say(store, context.wide(), {.d = kScratch2, .n = context.address, .m = kScratch3});
    assembler.jump_if_zero(Op::cbnz, Wide::no, kScratch3, again);
}

template <Op op>
void combine_value(Assembler& assembler, AtomicContext context) {
    assembler.say(op, context.wide(), {.d = kScratch2, .n = kScratch, .m = context.value});
}

// What the value must be turned into for the instruction that clears the bits of its operand.
inline Gpr operand_of(Assembler& assembler, AtomicContext context, bool inverted) {
    if (!inverted) {
        return context.value;
    }
    assembler.say(Op::orn, context.wide(), {.d = kScratch, .n = kZero, .m = context.value});
    return kScratch;
}

template <Op single, Op combining>
struct Update {
    static void emit(Assembler& assembler, AtomicContext context) {
        if (context.features.large_atomics) {
            const Gpr operand = operand_of(assembler, context, single == Op::ldclr);
            assembler.say(single, context.wide(), {.d = kZero, .n = context.address, .m = operand});
            return;
        }
        exclusive_loop(assembler, context, Op::stxr,
                       [&] { combine_value<combining>(assembler, context); });
    }
};
template <>
struct EmitArm64Atomic<AtomicOp::add> : Update<Op::ldadd, Op::add> {};
template <>
struct EmitArm64Atomic<AtomicOp::or_> : Update<Op::ldset, Op::orr> {};
template <>
struct EmitArm64Atomic<AtomicOp::and_> : Update<Op::ldclr, Op::and_> {};
template <>
struct EmitArm64Atomic<AtomicOp::xor_> : Update<Op::ldeor, Op::eor> {};

template <Op single, Op combining>
struct Fetch {
    static void emit(Assembler& assembler, AtomicContext context) {
        if (context.features.large_atomics) {
            const Gpr operand = operand_of(assembler, context, single == Op::ldclral);
            assembler.say(single, context.wide(),
                          {.d = context.value, .n = context.address, .m = operand});
            return;
        }
        exclusive_loop(assembler, context, Op::stlxr, [&] {
            if constexpr (single == Op::swpal) {
                move(assembler, Wide::yes, kScratch2, context.value);
            } else {
                combine_value<combining>(assembler, context);
            }
        });
        assembler.say(Op::dmb_ish, Wide::no);
        move(assembler, context.wide(), context.value, kScratch);
    }
};
template <>
struct EmitArm64Atomic<AtomicOp::fetch_add> : Fetch<Op::ldaddal, Op::add> {};
template <>
struct EmitArm64Atomic<AtomicOp::fetch_or> : Fetch<Op::ldsetal, Op::orr> {};
template <>
struct EmitArm64Atomic<AtomicOp::fetch_and> : Fetch<Op::ldclral, Op::and_> {};
template <>
struct EmitArm64Atomic<AtomicOp::fetch_xor> : Fetch<Op::ldeoral, Op::eor> {};
template <>
struct EmitArm64Atomic<AtomicOp::xchg> : Fetch<Op::swpal, Op::orr> {};

// Stores the value if memory equals R0; R0 gets what was there, its upper half cleared.
template <>
struct EmitArm64Atomic<AtomicOp::cmpxchg> {
    static void emit(Assembler& assembler, AtomicContext context) {
        const Wide wide = context.wide();
        if (context.features.large_atomics) {
            assembler.say(Op::casal, wide,
                          {.d = context.value, .n = context.address, .m = kResult});
            return;
        }
        const Assembler::Label again = assembler.new_label();
        const Assembler::Label differs = assembler.new_label();
        assembler.bind(again);
        assembler.say(Op::ldxr, wide, {.d = kScratch, .n = context.address});
        assembler.say(Op::subs, wide, {.d = kZero, .n = kScratch, .m = kResult});
        assembler.jump_if(Condition::not_equal, differs);
        assembler.say(Op::stlxr, wide, {.d = context.value, .n = context.address, .m = kScratch3});
        assembler.jump_if_zero(Op::cbnz, Wide::no, kScratch3, again);
        assembler.bind(differs);
        assembler.say(Op::dmb_ish, Wide::no);
        move(assembler, wide, kResult, kScratch);
    }
};

template <>
struct EmitArm64Atomic<AtomicOp::load_acq> {
    static void emit(Assembler& assembler, AtomicContext context) {
        const Op op = context.size_bytes == 1   ? Op::ldarb
                      : context.size_bytes == 2 ? Op::ldarh
                                                : Op::ldar;
        assembler.say(op, context.wide(), {.d = context.value, .n = context.address});
    }
};
template <>
struct EmitArm64Atomic<AtomicOp::store_rel> {
    static void emit(Assembler& assembler, AtomicContext context) {
        const Op op = context.size_bytes == 1   ? Op::stlrb
                      : context.size_bytes == 2 ? Op::stlrh
                                                : Op::stlr;
        assembler.say(op, context.wide(), {.d = context.value, .n = context.address});
    }
};

} // namespace skep::run::jit::arm64
