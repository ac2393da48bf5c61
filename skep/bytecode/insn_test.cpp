// SPDX-License-Identifier: Apache-2.0
#include "skep/bytecode/insn.hpp"

#include <gtest/gtest.h>

namespace skep {
namespace {

// Walks every opcode with a grid of field values: whatever decodes must encode to the same bytes.
TEST(Insn, WhateverDecodesEncodesToTheSameBytes) {
    std::size_t decoded = 0;
    for (int opcode = 0; opcode < 256; ++opcode) {
        for (int registers : {0x00, 0x01, 0x10, 0x21, 0x50, 0xa9}) {
            for (int offset : {0, 1, 8, 16, 32, -5}) {
                for (std::int32_t imm : {0, 1, 16, 32, 64, 0xf1, 0x100, -1}) {
                    const std::array<RawInsn, 2> raw{RawInsn{static_cast<std::uint8_t>(opcode),
                                                             static_cast<std::uint8_t>(registers),
                                                             static_cast<std::int16_t>(offset),
                                                             imm},
                                                     RawInsn{0, 0, 0, 7}};
                    const auto insn = decode(raw, InsnIndex{0});
                    if (const Insn* good = std::get_if<Insn>(&insn)) {
                        ++decoded;
                        EXPECT_EQ(encode(*good)[0], raw[0]) << "opcode " << opcode;
                    }
                }
            }
        }
    }
    EXPECT_GT(decoded, 1000U);
}

TEST(Insn, AWideImmediateNeedsItsSecondHalf) {
    const std::array<RawInsn, 1> half{RawInsn{0x18, 1, 0, 5}};
    EXPECT_FALSE(decode_all(half).ok());
}

// What a running Linux 6.18 answers to PROG_LOAD of a program with this one instruction in it.
TEST(Insn, RefusesInTheWordsOfTheKernel) {
    struct Refused {
        RawInsn raw;
        bool when_reached;
        const char* message;
    };
    const Refused refused[] = {
        {{0x8f, 0x32, 0, 0}, false, "unknown opcode 8f"},
        {{0x8c, 0x02, 0, 0}, false, "unknown opcode 8c"},
        {{0xdf, 0x02, 0, 16}, false, "unknown opcode df"},
        {{0x0d, 0x00, 1, 0}, false, "unknown opcode 0d"},
        {{0x96, 0x00, 0, 0}, false, "unknown opcode 96"},
        {{0xed, 0x00, 1, 0}, false, "unknown opcode ed"},
        {{0x38, 0x00, 0, 5}, false, "unknown opcode 38"},
        {{0x99, 0xa2, -8, 0}, false, "unknown opcode 99"},
        {{0xff, 0x0b, 0, 0}, false, "unknown opcode ff"},
        {{0xb9, 0xa2, -8, 0}, false, "BPF_LDX uses reserved fields"},
        {{0x79, 0xa2, -8, 5}, false, "BPF_LDX uses reserved fields"},
        {{0xdb, 0x2a, -8, -1}, true, "BPF_ATOMIC uses invalid atomic opcode ffffffff"},
        {{0xdb, 0xba, -8, 7}, true, "BPF_ATOMIC uses invalid atomic opcode 07"},
        {{0x18, 0x72, 0, 5}, false, "unrecognized bpf_ld_imm64 insn"},
        {{0x18, 0x12, 0, 5}, false, "unrecognized bpf_ld_imm64 insn"},
        {{0x18, 0x02, 1, 5}, true, "BPF_LD_IMM64 uses reserved fields"},
        {{0xcb, 0x2a, -8, 0}, true, "invalid atomic operand size"},
        {{0x07, 0x32, 0, 5}, true, "BPF_ALU uses reserved fields"},
        {{0x3c, 0x32, 2, 0}, true, "BPF_ALU uses reserved fields"},
        {{0xbc, 0x32, 32, 0}, true, "BPF_MOV uses reserved fields"},
        {{0xbf, 0x32, 8, 1}, true, "BPF_MOV uses reserved fields"},
        {{0xb7, 0xb2, 0, 0}, true, "BPF_MOV uses reserved fields"},
        {{0x87, 0x02, 1, 0}, true, "BPF_NEG uses reserved fields"},
        {{0xd7, 0x02, 0, 8}, true, "BPF_END uses reserved fields"},
        {{0x15, 0x32, 1, 5}, true, "BPF_JMP/JMP32 uses reserved fields"},
        {{0x05, 0x0f, 0, 0}, true, "BPF_JA uses reserved fields"},
        {{0x06, 0x00, 1, 0}, true, "BPF_JA uses reserved fields"},
        {{0xe5, 0x00, 1, 7}, true, "invalid may_goto imm 7"},
        {{0x85, 0x00, 1, 5}, true, "BPF_CALL uses reserved fields"},
        {{0x85, 0x30, 0, 5}, true, "BPF_CALL uses reserved fields"},
        {{0x95, 0x00, 0, 1}, true, "BPF_EXIT uses reserved fields"},
        {{0x30, 0x02, 0, 5}, true, "BPF_LD_[ABS|IND] uses reserved fields"},
        {{0x7a, 0x2a, -8, 5}, true, "BPF_ST uses reserved fields"},
        {{0x7b, 0x2a, -8, 5}, true, "BPF_STX uses reserved fields"},
        {{0xbf, 0xbc, 0, 0}, true, "R11 is invalid"},
        {{0x1d, 0xbc, 0, 0}, true, "R12 is invalid"},
    };
    for (const Refused& one : refused) {
        const std::array<RawInsn, 2> raw{one.raw, RawInsn{0, 0, 0, 1}};
        const auto decoded = decode(raw, InsnIndex{0});
        const auto* error = std::get_if<DecodeError>(&decoded);
        ASSERT_NE(error, nullptr) << one.message;
        EXPECT_EQ(error->message, one.message);
        EXPECT_EQ(error->when_reached, one.when_reached) << one.message;
    }
}

TEST(Insn, TheOffsetOfAnExitIsNotLookedAtButKept) {
    const std::array<RawInsn, 1> raw{RawInsn{0x95, 0, 9, 0}};
    EXPECT_EQ(encode(decode_all(raw).value()[0])[0], raw[0]);
}

// Decoding a program has a short way for what is common: it must be no other way.
TEST(Insn, DecodingAllIsDecodingEach) {
    constexpr std::array<std::uint8_t, 5> kRegisters{0x00, 0x12, 0xa0, 0x0a, 0xb1};
    for (unsigned opcode = 0; opcode < 256; ++opcode) {
        for (const std::uint8_t registers : kRegisters) {
            for (const std::int32_t imm : {0, 1, 16, -7}) {
                for (const std::int16_t offset : std::array<std::int16_t, 3>{0, 1, -3}) {
                    const std::array<RawInsn, 2> raw{
                        RawInsn{static_cast<std::uint8_t>(opcode), registers, offset, imm},
                        RawInsn{0, 0, 0, 0}};
                    const std::size_t slots = opcode == 0x18 ? 2 : 1;
                    const auto one = decode(std::span(raw).first(slots), InsnIndex{0});
                    const auto all = decode_all(std::span(raw).first(slots));
                    ASSERT_EQ(all.ok(), std::holds_alternative<Insn>(one)) << opcode;
                    ASSERT_TRUE(!all.ok() || all->front() == std::get<Insn>(one)) << opcode;
                }
            }
        }
    }
}

TEST(Insn, RegistersAboveTenAreRefused) {
    const std::array<RawInsn, 1> raw{RawInsn{0xb7, 11, 0, 0}};
    EXPECT_EQ(decode_all(raw).error().message, "instruction 0: R11 is invalid");
}

} // namespace
} // namespace skep
