// SPDX-License-Identifier: Apache-2.0
//
// Instructions with something in fields that must be empty, and opcodes that nobody knows.
#include <gtest/gtest.h>

#include "skep/verify/verify.hpp"
#include "tests/support/kernel_program.hpp"

namespace skep::verify {
namespace {

constexpr RawInsn kZero{0xb7, 0x00, 0, 0};     // r0 = 0
constexpr RawInsn kSkipOne{0x15, 0x00, 1, 0};  // if r0 == 0 goto +1
constexpr RawInsn kReserved{0xb7, 0x20, 0, 7}; // r0 = 7, with a source register
constexpr RawInsn kExitWithNumber{0x95, 0, 0, 1};
constexpr RawInsn kExit{0x95, 0, 0, 0};

Outcome verdict_on(std::vector<RawInsn> insns) {
    ProgramSpec program;
    program.type = spec::ProgramType::xdp;
    program.insns = std::move(insns);
    return verify(program, Environment{});
}

TEST(Structure, FieldsThatMustBeEmptyAreLookedAtWhenTheInstructionIsReached) {
    const Outcome reached = verdict_on({kReserved, kExit});
    EXPECT_EQ(reached.verdict, Verdict::reject);
    EXPECT_EQ(reached.message, "BPF_MOV uses reserved fields");
    EXPECT_EQ(verdict_on({kZero, kSkipOne, kReserved, kExit}).verdict, Verdict::accept);
}

TEST(Structure, WhatStandsForAnUnusableInstructionGoesWhereItGoes) {
    EXPECT_EQ(verdict_on({kZero, kSkipOne, kExitWithNumber, kExit}).verdict, Verdict::accept);
    EXPECT_EQ(verdict_on({kZero, kExitWithNumber}).message, "BPF_EXIT uses reserved fields");
}

constexpr RawInsn kAtomicUnknown{0xdb, 0x0a, -8, 8}; // an operation that there is not
constexpr RawInsn kCompareUnset{0x15, 0x28, 0, 8};   // if r8 == 8, with a source register
constexpr RawInsn kPacketByte{0x30, 0x02, 0, 7};     // r0 = packet[7], with a destination

// The kernel is asked the same where it answers us.
void expect_with_kernel(std::vector<RawInsn> insns, const std::string& message) {
    const Outcome outcome = verdict_on(insns);
    EXPECT_EQ(outcome.verdict == Verdict::accept ? "accepted" : outcome.message, message);
    if (!tests::kernel_is_available()) {
        return;
    }
    const auto loaded = tests::KernelProgram::load(insns, spec::ProgramType::xdp);
    EXPECT_EQ(loaded.ok(), message == "accepted");
    if (!loaded.ok()) {
        EXPECT_NE(loaded.error().message.find(message), std::string::npos)
            << loaded.error().message;
    }
}

TEST(Structure, AtomicOperationsThatThereAreNotAreLookedAtWhenReached) {
    expect_with_kernel({kZero, kSkipOne, kAtomicUnknown, kExit}, "accepted");
    expect_with_kernel({kZero, kAtomicUnknown, kExit}, "BPF_ATOMIC uses invalid atomic opcode 08");
}

TEST(Structure, SomethingElseIsAskedBeforeTheFieldsThatMustBeEmpty) {
    expect_with_kernel({kZero, kCompareUnset, kExit}, "R8 !read_ok");
    expect_with_kernel({kZero, kPacketByte, kExit},
                       "BPF_LD_[ABS|IND] instructions not allowed for this program type");
}

TEST(Structure, OpcodesThatNobodyKnowsAreRefusedWhereverTheyStand) {
    const RawInsn through_register{0x8d, 0x01, 0, 0};
    for (const RawInsn unknown : {through_register, RawInsn{0xff, 0, 0, 0}}) {
        EXPECT_EQ(verdict_on({kZero, kSkipOne, unknown, kExit}).verdict, Verdict::reject);
    }
}

} // namespace
} // namespace skep::verify
