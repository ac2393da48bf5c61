// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/arm64/assembler.hpp"

#include <cstring>

#include <gtest/gtest.h>

namespace skep::run::jit::arm64 {
namespace {

void fill(Assembler& assembler, std::size_t words) {
    for (std::size_t i = 0; i < words; ++i) {
        assembler.say(Op::nop, Wide::no);
    }
}

std::uint32_t word_at(const ByteVector& code, std::size_t word) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, code.data() + 4 * word, sizeof(bits));
    return bits;
}

template <class Say>
ByteVector code_of(Say say) {
    Assembler assembler(0, 2);
    say(assembler);
    Image image;
    assembler.finish(image);
    return image.code;
}

constexpr std::size_t kBitReach = (1U << 13) - 1; // words, forwards
constexpr std::size_t kConditionReach = (1U << 18) - 1;

TEST(Arm64Assembler, TakesOneWordAsLongAsTheJumpReaches) {
    for (const std::size_t beyond : {0U, 1U}) {
        const ByteVector bit = code_of([&](Assembler& a) {
            a.jump_if_bit(Op::tbnz, Gpr::x1, 5, 0);
            fill(a, kBitReach - 1 + beyond);
            a.bind(0);
        });
        EXPECT_EQ(bit.size(), 4 * (kBitReach + 2 * beyond));
        const ByteVector condition = code_of([&](Assembler& a) {
            a.jump_if(Condition::below, 0);
            fill(a, kConditionReach - 1 + beyond);
            a.bind(0);
        });
        EXPECT_EQ(condition.size(), 4 * (kConditionReach + 2 * beyond));
        const ByteVector backwards = code_of([&](Assembler& a) {
            a.bind(0);
            fill(a, kBitReach + 1 + beyond);
            a.jump_if_bit(Op::tbz, Gpr::x1, 5, 0);
        });
        EXPECT_EQ(backwards.size(), 4 * (kBitReach + 2 + 2 * beyond));
    }
}

TEST(Arm64Assembler, FarJumpsGoOverOneWithTheOppositeCondition) {
    const ByteVector bit = code_of([&](Assembler& a) {
        a.jump_if_bit(Op::tbnz, Gpr::x1, 5, 0);
        fill(a, 10'000);
        a.bind(0);
    });
    EXPECT_EQ(word_at(bit, 0), 0x36280041U); // tbz w1, #5, +8
    EXPECT_EQ(word_at(bit, 1), 0x14000000U | 10'001U);
    const ByteVector zero = code_of([&](Assembler& a) {
        a.jump_if_zero(Op::cbz, Wide::yes, Gpr::x2, 0);
        fill(a, 300'000);
        a.bind(0);
    });
    EXPECT_EQ(word_at(zero, 0), 0xb5000042U); // cbnz x2, +8
    EXPECT_EQ(word_at(zero, 1), 0x14000000U | 300'001U);
    const ByteVector flags = code_of([&](Assembler& a) {
        a.bind(0);
        fill(a, 300'000);
        a.jump_if(Condition::below, 0);
    });
    EXPECT_EQ(word_at(flags, 300'000), 0x54000042U); // b.hs +8
    EXPECT_EQ(word_at(flags, 300'001), 0x14000000U | ((0U - 300'001U) & 0x3ffffffU));
}

TEST(Arm64Assembler, AJumpThatGrowsMayMakeAnotherGrow) {
    Assembler assembler(0, 2);
    assembler.jump_if_bit(Op::tbz, Gpr::x0, 0, 0); // just reaches, unless the next one grows
    assembler.jump_if_bit(Op::tbz, Gpr::x0, 0, 1);
    fill(assembler, kBitReach - 2);
    assembler.bind(0);
    fill(assembler, 10);
    assembler.bind(1);
    const Mark end = assembler.here();
    Image image;
    assembler.finish(image);
    EXPECT_EQ(image.code.size(), 4 * (kBitReach - 2 + 10 + 4));
    EXPECT_EQ(assembler.settled(end), image.code.size());
}

// The jump alone would reach; with the padding it may not.
TEST(Arm64Assembler, PaddingCountsFromTheBeginning) {
    for (std::size_t filling = kBitReach - 10; filling < kBitReach; ++filling) {
        const ByteVector code = code_of([&](Assembler& a) {
            a.jump_if_bit(Op::tbz, Gpr::x1, 5, 0);
            a.align();
            fill(a, filling);
            a.bind(0);
        });
        const std::size_t words = code.size() / 4;
        const bool is_short = (word_at(code, 0) & 0xff000000) == 0x36000000;
        ASSERT_EQ(is_short ? word_at(code, 0) >> 5 & 0x3fff : (word_at(code, 1) & 0x3ffffff) + 1,
                  words);
        ASSERT_TRUE(!is_short || words <= kBitReach) << filling;
    }
}

TEST(Arm64Assembler, AddressesOfWhatIsFarAreAddedUp) {
    const ByteVector near = code_of([&](Assembler& a) {
        a.address_of(Gpr::x3, 0);
        fill(a, kConditionReach - 1);
        a.bind(0);
    });
    EXPECT_EQ(near.size(), 4 * kConditionReach);
    const ByteVector far = code_of([&](Assembler& a) {
        a.address_of(Gpr::x3, 0);
        fill(a, 300'000);
        a.bind(0);
    });
    EXPECT_EQ(far.size(), 4U * 300'004);
    EXPECT_EQ(word_at(far, 0), 0x10000003U);                               // adr x3, .
    EXPECT_EQ(word_at(far, 1), 0x52800009U | (4 * 300'004 & 0xffff) << 5); // movz w9
    EXPECT_EQ(word_at(far, 2), 0x72a00009U | (4 * 300'004 >> 16) << 5);    // movk w9
    EXPECT_EQ(word_at(far, 3), 0x8b29c063U);                               // add x3, x3, w9
}

TEST(Arm64Assembler, AlignsAndMovesRelocationsWithTheCode) {
    Assembler assembler(0, 1);
    assembler.jump_if_bit(Op::tbz, Gpr::x0, 0, 0);
    assembler.align();
    const Mark loop = assembler.here();
    assembler.reference(Gpr::x1, {.referent = Referent::map, .index = 4});
    fill(assembler, 9000);
    assembler.bind(0);
    Image image;
    assembler.finish(image);
    EXPECT_EQ(assembler.settled(loop), 32U);
    ASSERT_EQ(image.relocations.size(), 1U);
    EXPECT_EQ(image.relocations[0].offset, 32U);
    EXPECT_EQ(image.relocations[0].index, 4U);
    EXPECT_EQ(word_at(image.code, 2), 0xd503201fU); // nop
}

// What a row of moves leaves in the register.
std::uint64_t computed(const ByteVector& code) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < code.size() / 4; ++i) {
        const std::uint32_t word = word_at(code, i);
        const unsigned place = 16 * (word >> 21 & 3);
        const std::uint64_t part = std::uint64_t{word >> 5 & 0xffff} << place;
        switch (word & 0xff800000) {
        case 0xd2800000:
            value = part;
            break;
        case 0x92800000:
            value = ~part;
            break;
        case 0xf2800000:
            value = (value & ~(std::uint64_t{0xffff} << place)) | part;
            break;
        default:
            ADD_FAILURE() << std::hex << word;
        }
    }
    return value;
}

TEST(Arm64Assembler, WritesNumbersInAsFewWordsAsTheyNeed) {
    const auto words = [](std::uint64_t number) {
        return code_of([&](Assembler& a) { a.number(Gpr::x0, number); }).size() / 4;
    };
    EXPECT_EQ(words(0), 1U);
    EXPECT_EQ(words(~std::uint64_t{0}), 1U);
    EXPECT_EQ(words(0x12340000), 1U);
    EXPECT_EQ(words(0xffffffffffff1234), 1U);
    EXPECT_EQ(words(0x5555555555555555), 1U);
    EXPECT_EQ(words(0x12345678), 2U);
    EXPECT_EQ(words(0xffff1234ffff5678), 2U);
    EXPECT_EQ(words(0xcccccccccccccccd), 2U);
    EXPECT_EQ(words(0x5555123455555555), 2U);
    EXPECT_EQ(words(0x123456789abcdef0), 4U);
    for (const std::uint64_t number :
         {0ULL, ~0ULL, 1ULL, 0xffffULL, 0x12345678ULL, 0xffffffff80001234ULL, 0xffff1234ffff5678ULL,
          0x0000ffff12345678ULL, 0x123456789abcdef0ULL, 0x8000000000000001ULL + 0x1234}) {
        EXPECT_EQ(computed(code_of([&](Assembler& a) { a.number(Gpr::x0, number); })), number);
    }
}

} // namespace
} // namespace skep::run::jit::arm64
