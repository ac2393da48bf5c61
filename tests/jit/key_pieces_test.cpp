// SPDX-License-Identifier: Apache-2.0
//
// What the generator guesses of how a key was written.
#include "skep/run/jit/key_pieces.hpp"

#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

using maps::KeyPieces;

// The pieces of an eight-byte key whose look-up follows these instructions.
KeyPieces pieces_before_call(const std::string& text) {
    auto assembled = assemble(text + "\ncall 1\nexit");
    EXPECT_TRUE(assembled.ok());
    const auto program = unchecked(assembled->insns);
    const auto plan = run::jit::make_plan(program, {});
    EXPECT_TRUE(plan.ok());
    const auto call = static_cast<std::uint32_t>(plan->insns.size() - 2);
    return run::jit::pieces_of_key(*plan, call, 8);
}

const std::string kKeyAtMinus8 = "r2 = r10\nr2 += -8\nr1 = 0";

TEST(KeyPieces, AreAsNarrowAsTheNarrowestStoreIntoTheKey) {
    EXPECT_EQ(pieces_before_call("*(u64 *)(r10 - 8) = r1\n" + kKeyAtMinus8), KeyPieces::words);
    EXPECT_EQ(pieces_before_call("*(u32 *)(r10 - 8) = r1\n*(u16 *)(r10 - 4) = r1\n" + kKeyAtMinus8),
              KeyPieces::halves);
    EXPECT_EQ(pieces_before_call("*(u64 *)(r10 - 8) = 0\n*(u8 *)(r10 - 1) = r1\n" + kKeyAtMinus8),
              KeyPieces::bytes);
}

TEST(KeyPieces, CountStoresBetweenTheAddressAndTheCall) {
    EXPECT_EQ(pieces_before_call("r2 = r10\nr2 += -8\n*(u16 *)(r10 - 2) = r1"), KeyPieces::halves);
}

TEST(KeyPieces, AreWordsWhenOnlyOthersWereWrittenNarrow) {
    EXPECT_EQ(pieces_before_call("*(u8 *)(r10 - 9) = r1\n*(u16 *)(r10 - 16) = 1\n*(u8 *)(r3 - 8) = "
                                 "r1\n" +
                                 kKeyAtMinus8),
              KeyPieces::words);
}

TEST(KeyPieces, AreTakenForHalvesWhenTheKeyIsElsewhere) {
    EXPECT_EQ(pieces_before_call("r2 = r6\nr2 += 4"), KeyPieces::halves);
    EXPECT_EQ(pieces_before_call("*(u64 *)(r10 - 8) = r1\nr2 = r10\nr2 += r7"), KeyPieces::halves);
    EXPECT_EQ(pieces_before_call("r0 = 1"), KeyPieces::halves);
}

} // namespace
} // namespace skep::tests
