// SPDX-License-Identifier: Apache-2.0
//
// Code for any machine of this kind: what is done without the newer instructions gives the same.
#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/bytecode/disassemble.hpp"
#include "skep/run/jit/compile.hpp"
#include "tests/support/engines.hpp"
#include "tests/support/program_generator.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

std::uint64_t run_on_any(const verify::VerifiedProgram& program) {
    auto image = run::jit::compile(program, {}, {.processor = run::jit::Processor::any});
    EXPECT_TRUE(image.ok());
    EXPECT_TRUE(run::jit::bind(*image, {}).ok());
    auto executable = run::jit::make_runnable(std::move(image).value());
    EXPECT_TRUE(executable.ok());
    helpers::Invocation invocation;
    return (*executable)->run(nullptr, invocation);
}

TEST(Baseline, ShiftsByEveryRegisterAndKeepsTheOthers) {
    if (engines().back().name != "jit") {
        GTEST_SKIP() << "there is no code generator for this machine";
    }
    for (const std::string_view operation : {"<<=", ">>=", "s>>="}) {
        for (int pair = 0; pair < 2 * 10 * 10; ++pair) {
            const std::string_view size = pair % 2 == 0 ? "r" : "w";
            std::string text;
            for (int reg = 0; reg < 10; ++reg) {
                text += "r" + std::to_string(reg) + " = " +
                        std::to_string(-1000000007LL * (reg + 3)) + " ll\n";
            }
            text += std::string(size) + std::to_string(pair / 2 % 10) + " " +
                    std::string(operation) + " " + std::string(size) + std::to_string(pair / 20) +
                    "\n";
            for (int reg = 1; reg < 10; ++reg) {
                text += "r0 *= 31\nr0 += r" + std::to_string(reg) + "\n";
            }
            const auto assembled = assemble(text + "exit");
            ASSERT_TRUE(assembled.ok()) << assembled.error().message;
            const auto program = unchecked(assembled->insns);
            const auto wanted = run_once(engines().front(), program, nullptr);
            ASSERT_TRUE(wanted.ok());
            EXPECT_EQ(run_on_any(program), *wanted) << text;
        }
    }
}

// Atomic operations above all: on arm64 they are loops then.
TEST(Baseline, GivesWhatTheInterpreterGivesOnRandomPrograms) {
    if (engines().back().name != "jit") {
        GTEST_SKIP() << "there is no code generator for this machine";
    }
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
        std::mt19937_64 random(seed);
        const auto program = unchecked(generate_program(random));
        const auto wanted = run_once(engines().front(), program, nullptr);
        ASSERT_TRUE(wanted.ok());
        ASSERT_EQ(run_on_any(program), *wanted) << "seed " << seed << "\n"
                                                << disassemble_program(program.insns());
    }
}

// Each atomic operation, with every pair of registers, in both widths.
TEST(Baseline, AtomicsLeaveWhatTheInterpreterLeaves) {
    if (engines().back().name != "jit") {
        GTEST_SKIP() << "there is no code generator for this machine";
    }
    for (const spec::AtomicRow& row : spec::kAtomicRows) {
        for (int round = 0; round < 2 * 9 * 9; ++round) {
            const auto value = static_cast<Reg>(round / 2 % 9);
            const auto base = static_cast<Reg>(round / 18);
            Insn insn;
            insn.kind = InsnKind::atomic;
            insn.atomic_op = row.op;
            insn.size_bytes = round % 2 == 0 ? 8 : 4;
            insn.dst = row.op == AtomicOp::load_acq ? value : base;
            insn.src = row.op == AtomicOp::load_acq ? base : value;
            insn.offset = -8;
            std::string text;
            for (int reg = 0; reg < 9; ++reg) {
                text += "r" + std::to_string(reg) + " = " +
                        std::to_string(-1000000007LL * (reg % 4 + 3)) + " ll\n";
            }
            text += "*(u64 *)(r10 - 8) = r" + std::to_string(round % 4) + "\n";
            text += "r" + std::to_string(base) + " = r10\n";
            auto program = assemble(text + "exit")->insns;
            program.pop_back();
            append(program, insn);
            std::string tail = "r9 = *(u64 *)(r10 - 8)\nr" + std::to_string(base) + " -= r10\n";
            for (int reg = 1; reg < 10; ++reg) {
                tail += "r0 *= 31\nr0 += r" + std::to_string(reg) + "\n";
            }
            const auto end = assemble(tail + "exit")->insns;
            program.insert(program.end(), end.begin(), end.end());
            // The base is turned into a distance again, but not when it holds something else now.
            const bool base_is_gone = value == base || (base == 0 && row.op == AtomicOp::cmpxchg);
            const auto wanted = run_once(engines().front(), unchecked(program), nullptr);
            ASSERT_TRUE(wanted.ok());
            if (!base_is_gone) {
                EXPECT_EQ(run_on_any(unchecked(program)), *wanted)
                    << row.text << " r" << int{value} << " at r" << int{base};
            }
        }
    }
}

} // namespace
} // namespace skep::tests
