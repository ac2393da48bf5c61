// SPDX-License-Identifier: Apache-2.0
//
// Dispatch: the interpreter's handlers jump into each other and never nest. A loop holds every kind
// of instruction in every width, source and size; at the end of each round a helper asks the host
// for the time, and the host notes how deep the stack is. One handler that called the next instead
// of jumping to it would make every round deeper than the one before.
#include <algorithm>
#include <array>
#include <span>

#include <gtest/gtest.h>

#include "skep/bytecode/insn.hpp"
#include "skep/run/executable.hpp"
#include "skep/run/interpreter/dispatch.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

constexpr std::int32_t kRounds = 200;
constexpr std::int32_t kKtimeGetNs = 5;
constexpr Reg kCounter = 9;
constexpr std::array<std::uint8_t, 4> kSizes{1, 2, 4, 8};
constexpr std::int16_t kWord = -8; // on the stack

struct Depths {
    std::uintptr_t lowest = ~std::uintptr_t{0};
    std::uintptr_t highest = 0;
    int rounds = 0;
};

std::uint64_t note_depth(void* owner, int) {
    auto& depths = *static_cast<Depths*>(owner);
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    depths.lowest = std::min(depths.lowest, here);
    depths.highest = std::max(depths.highest, here);
    ++depths.rounds;
    return 1;
}

Insn alu(AluOp op, Width width, Source source) {
    Insn insn;
    insn.kind = InsnKind::alu;
    insn.alu_op = op;
    insn.width = width;
    insn.source = source;
    insn.dst = 6;
    insn.src = source == Source::reg ? Reg{7} : Reg{0};
    const bool has_number = source == Source::imm && spec::row(op).operand == spec::Operand::binary;
    insn.imm = has_number ? 3 : 0;
    return insn;
}

Insn of_kind(InsnKind kind) {
    const bool writes = kind == InsnKind::load || kind == InsnKind::load_wide;
    Insn insn;
    insn.kind = kind;
    insn.dst = writes ? Reg{6} : Reg{0};
    return insn;
}

Insn access(InsnKind kind, std::uint8_t size_bytes, Extend extend = Extend::zero) {
    Insn insn = of_kind(kind);
    insn.size_bytes = size_bytes;
    insn.extend = extend;
    (kind == InsnKind::load ? insn.src : insn.dst) = kFramePointer;
    insn.src = kind == InsnKind::store_reg ? Reg{7} : insn.src;
    insn.offset = kWord;
    return insn;
}

// Arithmetic only in the forms that exist: what cannot be encoded and read back is left out.
void append_arithmetic(std::vector<RawInsn>& program) {
    for (const auto& row : spec::kAluRows) {
        for (const Width width : {Width::w32, Width::w64}) {
            for (const Source source : {Source::imm, Source::reg}) {
                const Insn insn = alu(row.op, width, source);
                const std::vector<RawInsn> one{encode(insn)[0]};
                if (std::holds_alternative<Insn>(decode(one, InsnIndex{0}))) {
                    append(program, insn);
                }
            }
        }
    }
}

void append_jumps(std::vector<RawInsn>& program) {
    for (const auto& row : spec::kJumpRows) {
        for (const Width width : {Width::w32, Width::w64}) {
            for (const Source source : {Source::imm, Source::reg}) {
                Insn insn = alu(AluOp::add, width, source);
                insn.kind = InsnKind::jump;
                insn.jump_op = row.op;
                append(program, insn); // to the next instruction, taken or not
            }
        }
    }
    append(program, of_kind(InsnKind::jump_always));
    Insn far = of_kind(InsnKind::jump_always);
    far.long_jump = true;
    append(program, far);
    append(program, of_kind(InsnKind::may_goto));
}

void append_memory(std::vector<RawInsn>& program) {
    for (const std::uint8_t size : kSizes) {
        append(program, access(InsnKind::store_imm, size));
        append(program, access(InsnKind::store_reg, size));
        append(program, access(InsnKind::load, size));
        if (size < 8) {
            append(program, access(InsnKind::load, size, Extend::sign));
        }
    }
    for (const auto& row : spec::kAtomicRows) {
        for (const std::uint8_t size : std::span(kSizes).last(2)) {
            Insn insn = access(InsnKind::atomic, size);
            insn.atomic_op = row.op;
            insn.src = 7;
            if (row.op == AtomicOp::load_acq) {
                std::swap(insn.dst, insn.src);
            }
            append(program, insn);
        }
    }
}

std::vector<RawInsn> loop_of_everything() {
    std::vector<RawInsn> program;
    Insn count = alu(AluOp::mov, Width::w64, Source::imm);
    count.dst = kCounter;
    count.imm = kRounds;
    append(program, count);
    append(program, alu(AluOp::mov, Width::w64, Source::imm));
    Insn seven = alu(AluOp::mov, Width::w64, Source::imm);
    seven.dst = 7;
    append(program, seven);
    append(program, access(InsnKind::store_imm, 8));

    const auto begin = static_cast<std::int64_t>(program.size());
    append_arithmetic(program);
    append_jumps(program);
    append_memory(program);
    append(program, of_kind(InsnKind::load_wide));
    Insn helper = of_kind(InsnKind::call_helper);
    helper.imm = kKtimeGetNs;
    append(program, helper);
    Insn call = of_kind(InsnKind::call_subprogram);
    call.jump_slots = 3;
    append(program, call);
    Insn less = alu(AluOp::sub, Width::w64, Source::imm);
    less.dst = kCounter;
    less.imm = 1;
    append(program, less);
    Insn again = alu(AluOp::sub, Width::w64, Source::imm);
    again.kind = InsnKind::jump;
    again.jump_op = JumpOp::jne;
    again.dst = kCounter;
    again.imm = 0;
    again.jump_slots =
        static_cast<std::int32_t>(begin - static_cast<std::int64_t>(program.size()) - 1);
    append(program, again);
    append(program, of_kind(InsnKind::exit));
    append(program, of_kind(InsnKind::exit)); // the subprogram
    return program;
}

TEST(Dispatch, NoInstructionMakesTheStackDeeper) {
    for (const bool loads_may_fault : {false, true}) {
        UncheckedOptions options;
        options.loads_may_fault = loads_may_fault;
        const auto program = unchecked(loop_of_everything(), options);
        const auto executable = run::make_interpreter(program, {});
        ASSERT_TRUE(executable.ok()) << executable.error().message;
        Depths depths;
        helpers::Services services;
        services.owner = &depths;
        services.clock_ns = note_depth;
        helpers::Invocation invocation;
        invocation.services = &services;
        (*executable)->run(nullptr, invocation);
        EXPECT_EQ(depths.rounds, kRounds);
        EXPECT_EQ(depths.lowest, depths.highest);
    }
}

TEST(Dispatch, IsThreadedInEveryBuildThatOptimises) {
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    EXPECT_TRUE(run::interpreter::kThreads);
#else
    GTEST_SKIP() << "this build does not optimise, or is under a sanitizer";
#endif
}

} // namespace
} // namespace skep::tests
