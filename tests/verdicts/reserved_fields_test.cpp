// SPDX-License-Identifier: Apache-2.0
//
// Instructions with something in fields that must be empty, and opcodes that nobody knows.
#include <gtest/gtest.h>

#include "skep/verify/verify.hpp"

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

TEST(Structure, OpcodesThatNobodyKnowsAreRefusedWhereverTheyStand) {
    const RawInsn through_register{0x8d, 0x01, 0, 0};
    for (const RawInsn unknown : {through_register, RawInsn{0xff, 0, 0, 0}}) {
        EXPECT_EQ(verdict_on({kZero, kSkipOne, unknown, kExit}).verdict, Verdict::reject);
    }
}

} // namespace
} // namespace skep::verify
