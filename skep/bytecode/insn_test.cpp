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
                    const std::array<RawInsn, 2> raw{
                        RawInsn{static_cast<std::uint8_t>(opcode), static_cast<std::uint8_t>(registers),
                                static_cast<std::int16_t>(offset), imm},
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

TEST(Insn, RegistersAboveTenAreRefused) {
    const std::array<RawInsn, 1> raw{RawInsn{0xb7, 11, 0, 0}};
    EXPECT_EQ(decode_all(raw).error().message, "instruction 0: R11 is invalid");
}

} // namespace
} // namespace skep
