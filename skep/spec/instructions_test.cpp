// SPDX-License-Identifier: Apache-2.0
#include "skep/spec/instructions.hpp"

#include <set>
#include <tuple>

#include <gtest/gtest.h>

namespace skep::spec {
namespace {

TEST(InstructionTable, NoTwoRowsShareAnEncoding) {
    std::set<std::tuple<int, int, int>> seen;
    for (const AluRow& row : kAluRows) {
        const int form = row.operand >= Operand::order_le ? static_cast<int>(row.operand) : 0;
        EXPECT_TRUE(seen.emplace(row.code, row.selector, form).second) << row.text;
    }
    std::set<int> jumps;
    for (const JumpRow& row : kJumpRows) {
        EXPECT_TRUE(jumps.insert(row.code).second) << row.text;
    }
    std::set<int> atomics;
    for (const AtomicRow& row : kAtomicRows) {
        EXPECT_TRUE(atomics.insert(row.imm).second) << row.text;
    }
}

TEST(InstructionTable, EveryRowSaysSomething) {
    for (const AluRow& row : kAluRows) {
        EXPECT_FALSE(row.says.empty() || row.text.empty() || row.symbol.empty() ||
                     row.meaning.empty());
    }
}

TEST(InstructionTable, DivisionIsTotalAndKeepsItsLawAtEightBits) {
    for (unsigned a = 0; a < 256; ++a) {
        for (unsigned b = 1; b < 256; ++b) {
            const auto dst = static_cast<std::uint8_t>(a);
            const auto src = static_cast<std::uint8_t>(b);
            const auto quotient = apply<AluOp::sdiv>(dst, src);
            const auto rest = apply<AluOp::smod>(dst, src);
            EXPECT_EQ(static_cast<std::uint8_t>(quotient * src + rest), dst);
        }
    }
}

} // namespace
} // namespace skep::spec
