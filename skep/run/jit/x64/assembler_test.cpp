// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/x64/assembler.hpp"

#include <gtest/gtest.h>

namespace skep::run::jit::x64 {
namespace {

// A jump over `filling` one-byte instructions, forwards or backwards.
ByteVector jump_over(std::size_t filling, bool forwards) {
    Assembler assembler(0, 1);
    if (forwards) {
        assembler.jump(0);
    } else {
        assembler.bind(0);
    }
    for (std::size_t i = 0; i < filling; ++i) {
        assembler.plain(Op::ret);
    }
    if (forwards) {
        assembler.bind(0);
    } else {
        assembler.jump(0);
    }
    Image image;
    assembler.finish(image);
    return image.code;
}

TEST(Assembler, TakesTheShortJumpAsLongAsItReaches) {
    EXPECT_EQ(jump_over(127, true).size(), 127U + 2);
    EXPECT_EQ(jump_over(128, true).size(), 128U + 5);
    EXPECT_EQ(jump_over(126, false).size(), 126U + 2); // the jump itself counts
    EXPECT_EQ(jump_over(127, false).size(), 127U + 5);
    const ByteVector far = jump_over(128, true);
    EXPECT_EQ(far[0], 0xe9);
    EXPECT_EQ(far[1], 128);
}

TEST(Assembler, AJumpThatGrowsMayMakeAnotherGrow) {
    Assembler assembler(0, 2);
    assembler.jump_if(Condition::equal, 0); // just reaches, unless the next one grows
    assembler.jump_if(Condition::equal, 1);
    for (int i = 0; i < 125; ++i) {
        assembler.plain(Op::ret);
    }
    assembler.bind(0);
    for (int i = 0; i < 10; ++i) {
        assembler.plain(Op::ret);
    }
    assembler.bind(1);
    const Mark end = assembler.here();
    Image image;
    assembler.finish(image);
    EXPECT_EQ(image.code.size(), 6U + 6 + 135);
    EXPECT_EQ(assembler.settled(end), image.code.size());
    EXPECT_EQ(image.code[2], 6 + 125); // from behind the first jump to label 0
}

// The jump alone would reach; with the padding it may not, wherever the padding begins.
TEST(Assembler, PaddingCountsFromTheBeginning) {
    for (std::size_t before = 0; before < 64; ++before) {
        for (std::size_t filling = 90; filling < 130; ++filling) {
            Assembler assembler(0, 1);
            for (std::size_t i = 0; i < before; ++i) {
                assembler.plain(Op::ret);
            }
            assembler.jump(0);
            assembler.align();
            for (std::size_t i = 0; i < filling; ++i) {
                assembler.plain(Op::ret);
            }
            assembler.bind(0);
            const Mark end = assembler.here();
            Image image;
            assembler.finish(image);
            const bool is_short = image.code[before] == 0xeb;
            const std::size_t distance = assembler.settled(end) - before - (is_short ? 2 : 5);
            ASSERT_EQ(image.code[before + 1], distance & 0xff);
            ASSERT_TRUE(!is_short || distance <= 127) << before << " " << filling;
        }
    }
}

TEST(Assembler, RelocationsMoveWithTheCode) {
    Assembler assembler(0, 1);
    assembler.jump(0);
    assembler.reference(Gpr::rdi, {.referent = Referent::map, .index = 4});
    for (int i = 0; i < 200; ++i) {
        assembler.plain(Op::ret);
    }
    assembler.bind(0);
    Image image;
    assembler.finish(image);
    ASSERT_EQ(image.relocations.size(), 1U);
    EXPECT_EQ(image.relocations[0].offset, 5U + 2);
    EXPECT_EQ(image.relocations[0].index, 4U);
}

} // namespace
} // namespace skep::run::jit::x64
