// SPDX-License-Identifier: Apache-2.0
//
// Programs in which the path that is walked first is safe and one that comes to the same place
// later is not: ending the later one there would be wrong. Each has a twin that is safe.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/verify/verify.hpp"

namespace skep::verify {
namespace {

// r6 is a random number. Enough happens in `kWork` for a state to be saved there.
constexpr std::string_view kBegin = "r9 = r1\ncall 7\nr6 = r0\n";
constexpr std::string_view kWork = "r3 = 1\nr3 = 2\nr3 = 3\nr3 = 4\nr3 = 5\nr3 = 6\ngoto +0\n"
                                   "r3 = 7\nr3 = 8\ngoto +0\nr3 = 9\ngoto +0\n";
// Writes a byte to [r10 - 64 + r7].
constexpr std::string_view kStore = "r1 = r10\nr1 += -64\nr1 += r7\n*(u8 *)(r1 + 0) = 1\n";
constexpr std::string_view kEnd = "r0 = 0\nexit\n";

bool accepts(const std::string& text, spec::ProgramType type = spec::ProgramType::socket_filter) {
    ProgramSpec program;
    program.type = type;
    program.license = "GPL";
    program.insns = assemble(text).value().insns;
    return verify(program, Environment{}).verdict == Verdict::accept;
}
template <class... Parts>
std::string joined(const Parts&... parts) {
    std::string text;
    ((text += parts), ...);
    return text;
}

TEST(UnsoundPrune, ANumberThatALaterCheckReliesOn) {
    for (const int other : {63, 64}) {
        const std::string choose =
            fmt::format("r7 = 5\nif r6 == 0 goto +1\ngoto +1\nr7 = {}\n", other);
        EXPECT_EQ(accepts(joined(kBegin, choose, kWork, kStore, kEnd)), other == 63);
    }
}

TEST(UnsoundPrune, ANumberThatWasComputedFromIt) {
    for (const int other : {6, 7}) {
        const std::string choose =
            fmt::format("r7 = 5\nif r6 == 0 goto +1\ngoto +1\nr7 = {}\n", other);
        EXPECT_EQ(accepts(joined(kBegin, choose, kWork, "r7 *= 10\n", kWork, kStore, kEnd)),
                  other == 6);
    }
}

TEST(UnsoundPrune, ANumberThatWaitsOnTheStack) {
    for (const int other : {63, 64}) {
        const std::string choose = fmt::format(
            "r7 = 5\nif r6 == 0 goto +1\ngoto +1\nr7 = {}\n*(u64 *)(r10 - 80) = r7\n", other);
        EXPECT_EQ(accepts(joined(kBegin, choose, kWork, "r7 = *(u64 *)(r10 - 80)\n", kStore, kEnd)),
                  other == 63);
    }
}

TEST(UnsoundPrune, ARangeThatWasProvedOnOneSideAlone) {
    for (const bool both : {true, false}) {
        // r7 is below 64 on the side that is walked first.
        const std::string choose =
            joined("call 7\nr7 = r0\nif r6 == 0 goto +2\nr7 &= 63\ngoto +1\n",
                   both ? "r7 &= 31\n" : "r7 &= 127\n");
        EXPECT_EQ(accepts(joined(kBegin, choose, kWork, kStore, kEnd)), both);
    }
}

TEST(UnsoundPrune, ALinkThatHoldsOnOneSideAlone) {
    for (const bool both : {true, false}) {
        const std::string choose = joined("call 7\nr8 = r0\nif r6 == 0 goto +2\nr7 = r8\ngoto +2\n",
                                          both ? "r7 = r8\nr7 = r8\n" : "call 7\nr7 = r0\n");
        EXPECT_EQ(accepts(joined(kBegin, choose, kWork, "if r8 > 63 goto +4\n", kStore, kEnd)),
                  both);
    }
}

TEST(UnsoundPrune, APointerOnOneSideAlone) {
    for (const bool both : {true, false}) {
        const std::string choose =
            joined("if r6 == 0 goto +2\nr7 = r10\ngoto +1\n", both ? "r7 = r10\n" : "r7 = 0\n");
        EXPECT_EQ(accepts(joined(kBegin, choose, kWork, "*(u64 *)(r7 - 8) = 1\n", kEnd)), both);
    }
}

TEST(UnsoundPrune, ASpilledPointerOnOneSideAlone) {
    for (const bool both : {true, false}) {
        const std::string choose =
            joined("r7 = r10\nif r6 == 0 goto +1\ngoto +1\n", both ? "r7 = r10\n" : "r7 = 0\n",
                   "*(u64 *)(r10 - 80) = r7\n");
        EXPECT_EQ(accepts(joined(kBegin, choose, kWork,
                                 "r7 = *(u64 *)(r10 - 80)\n*(u64 *)(r7 - 8) = 1\n", kEnd)),
                  both);
    }
}

TEST(UnsoundPrune, APacketThatWasMeasuredFurtherOnOneSide) {
    for (const int other : {16, 15}) {
        const std::string text = joined(
            kBegin, "r7 = *(u32 *)(r9 + 0)\nr8 = *(u32 *)(r9 + 4)\nr1 = r7\n",
            fmt::format("if r6 == 0 goto +2\nr1 += 20\ngoto +1\nr1 += {}\nif r1 > r8 goto +{}\n",
                        other, 13),
            kWork, "r0 = *(u8 *)(r7 + 15)\n", kEnd);
        EXPECT_EQ(accepts(text, spec::ProgramType::xdp), other == 16) << other;
    }
}

TEST(UnsoundPrune, WhatACalleeReadsOfItsCaller) {
    for (const int other : {63, 64}) {
        const std::string choose = fmt::format(
            "r7 = 5\nif r6 == 0 goto +1\ngoto +1\nr7 = {}\n*(u64 *)(r10 - 80) = r7\n", other);
        const std::string call = joined("r1 = r10\nr1 += -80\ncall +7\nr7 = r0\n", kStore, kEnd);
        EXPECT_EQ(accepts(joined(kBegin, choose, call, kWork, "r0 = *(u64 *)(r1 + 0)\nexit\n")),
                  other == 63);
    }
}

TEST(UnsoundPrune, WhatACalleesCalleeReadsOfItsCallersCaller) {
    for (const int other : {63, 64}) {
        const std::string choose = fmt::format(
            "r7 = 5\nif r6 == 0 goto +1\ngoto +1\nr7 = {}\n*(u64 *)(r10 - 80) = r7\n", other);
        const std::string call = joined("r1 = r10\nr1 += -96\ncall +7\nr7 = r0\n", kStore, kEnd);
        EXPECT_EQ(accepts(joined(kBegin, choose, call, kWork, "r1 += 8\ncall +1\nexit\n", kWork,
                                 "r0 = *(u64 *)(r1 + 8)\nexit\n")),
                  other == 63);
    }
}

TEST(UnsoundPrune, WhatACalleeFindsBehindAnAddressOnTheStack) {
    for (const int other : {63, 64}) {
        // The callee is handed the place of an address, and goes on from there.
        const std::string choose =
            fmt::format("r7 = 5\nif r6 == 0 goto +1\ngoto +1\nr7 = {}\n*(u64 *)(r10 - 80) = r7\n"
                        "r2 = r10\nr2 += -80\n*(u64 *)(r10 - 88) = r2\n",
                        other);
        const std::string call = joined("r1 = r10\nr1 += -88\ncall +7\nr7 = r0\n", kStore, kEnd);
        EXPECT_EQ(accepts(joined(kBegin, choose, call, kWork,
                                 "r1 = *(u64 *)(r1 + 0)\nr0 = *(u64 *)(r1 + 0)\nexit\n")),
                  other == 63);
    }
}

TEST(UnsoundPrune, ARegisterThatTheCallerKeeps) {
    for (const int other : {63, 64}) {
        const std::string choose =
            fmt::format("r7 = 5\nif r6 == 0 goto +1\ngoto +1\nr7 = {}\n", other);
        const std::string call = joined("call +6\n", kStore, kEnd);
        EXPECT_EQ(accepts(joined(kBegin, choose, call, kWork, "r0 = 0\nexit\n")), other == 63);
    }
}

TEST(UnsoundPrune, ALoopOfUnknownLengthCountsToAnyNumber) {
    // Round after round r7 grows; what is done with it, in the loop or behind it, must hold for
    // all.
    constexpr std::string_view kCount = "r7 = 0\nmay_goto +2\nr7 += 1\ngoto -3\n";
    EXPECT_TRUE(accepts(joined(kBegin, kCount, kEnd)));
    EXPECT_FALSE(accepts(joined(kBegin, kCount, kStore, kEnd)));
    EXPECT_FALSE(accepts(joined(kBegin, kCount, "if r7 > 64 goto +4\n", kStore, kEnd)));
    EXPECT_FALSE(
        accepts(joined(kBegin, "r7 = 0\nmay_goto +6\n", kStore, "r7 += 1\ngoto -7\n", kEnd)));
}

// r7 is 5 on the side that is walked first, `other` on the other one.
std::string choose(int other) {
    return fmt::format("r7 = 5\nif r6 == 0 goto +1\ngoto +1\nr7 = {}\n", other);
}

TEST(UnsoundPrune, ANumberThatWasAddedToAnother) {
    for (const int other : {63, 64}) {
        EXPECT_EQ(accepts(joined(kBegin, choose(other), kWork, "r8 = 0\nr8 += r7\nr7 = r8\n", kWork,
                                 kStore, kEnd)),
                  other == 63);
    }
}

TEST(UnsoundPrune, ANumberThatDecidesAJump) {
    for (const int asked : {7, 6}) {
        EXPECT_EQ(
            accepts(joined(kBegin, choose(6), kWork, fmt::format("if r7 == {} goto +2\n", asked),
                           kEnd, "r0 = *(u64 *)(r10 + 8)\n", kEnd)),
            asked == 7);
    }
}

TEST(UnsoundPrune, ANumberThatIsASize) {
    for (const int other : {64, 65}) {
        EXPECT_EQ(accepts(joined(kBegin, choose(other), kWork,
                                 "r1 = r9\nr2 = 0\nr3 = r10\nr3 += -64\nr4 = r7\ncall 26\n", kEnd)),
                  other == 64);
    }
}

TEST(UnsoundPrune, ANumberThatIsStoredLater) {
    for (const int other : {63, 64}) {
        EXPECT_EQ(accepts(joined(kBegin, choose(other), kWork, "*(u64 *)(r10 - 80) = r7\nr7 = 0\n",
                                 "r7 = *(u64 *)(r10 - 80)\n", kStore, kEnd)),
                  other == 63);
    }
}

TEST(UnsoundPrune, ANumberThatWaitsOnTheStackForLong) {
    for (const int other : {63, 64}) {
        EXPECT_EQ(accepts(joined(kBegin, choose(other), "*(u64 *)(r10 - 80) = r7\n", kWork,
                                 "if r6 == 9 goto +0\n", kWork, "if r6 == 10 goto +0\n", kWork,
                                 "r7 = *(u64 *)(r10 - 80)\n", kStore, kEnd)),
                  other == 63);
    }
}

// A path ends at a proved state, and so passes on what that state needs to the states before it.
TEST(UnsoundPrune, ANumberThatAPrunedPathNeeded) {
    for (const int other : {5, 64}) {
        const std::string text = joined(
            kBegin, "call 7\nr8 = r0\nr7 = 5\nif r6 == 0 goto second\n", kWork, "goto use\n",
            fmt::format("second:\nif r8 == 0 goto third\njoin:\n{}goto use\nthird:\nr7 = {}\n"
                        "goto join\n",
                        kWork, other),
            "use:\n", kWork, kStore, kEnd);
        EXPECT_EQ(accepts(text), other == 5);
    }
}

// What a round needs is known only when a later round has needed it.
TEST(UnsoundPrune, ANumberThatAnotherRoundNeeds) {
    for (const int other : {5, 64}) {
        const std::string text =
            joined(kBegin, "call 7\nr8 = r0\nr7 = 5\nif r8 == 1 goto late\nhead:\nmay_goto out\n",
                   "if r6 == 1 goto use\nround:\n", kWork, "goto head\nuse:\n", kStore, kEnd,
                   "out:\n", kEnd, fmt::format("late:\nr7 = {}\ngoto round\n", other));
        EXPECT_EQ(accepts(text), other == 5);
    }
}

// r7 and r8 are two random numbers; both are linked to something, on one side to each other.
TEST(UnsoundPrune, LinksToOthers) {
    for (const bool both : {true, false}) {
        const std::string link = both ? "r7 = r8\nr1 = r8\n" : "r1 = r8\nr2 = r7\n";
        const std::string text =
            joined(kBegin, "call 7\nr8 = r0\ncall 7\nr7 = r0\nif r6 == 0 goto other\nr7 = r8\n",
                   "r1 = r8\njoin:\n", kWork, "if r8 > 63 goto out\n", kStore, "out:\n", kEnd,
                   "other:\n", link, "goto join\n");
        EXPECT_EQ(accepts(text), both);
    }
}

TEST(UnsoundPrune, BytesThatWereZeroOnOneSideAlone) {
    for (const bool both : {true, false}) {
        const std::string text =
            joined(kBegin, "*(u64 *)(r10 - 72) = r6\nif r6 s> 5 goto other\n",
                   "*(u32 *)(r10 - 68) = 0\njoin:\n", kWork, "r7 = *(u32 *)(r10 - 68)\n", kStore,
                   kEnd, "other:\n", both ? "*(u32 *)(r10 - 68) = 0\n" : "r3 = 0\n", "goto join\n");
        EXPECT_EQ(accepts(text), both);
    }
}

TEST(UnsoundPrune, APointerElsewhereOnOneSide) {
    for (const int other : {-504, -505}) {
        const std::string text =
            joined(kBegin, "r7 = r10\nr8 = r10\nr7 += -8\nr8 += -8\nif r6 == 0 goto +1\ngoto +1\n",
                   fmt::format("r8 += {}\n", other + 8), kWork, "*(u8 *)(r8 - 8) = 1\n", kEnd);
        EXPECT_EQ(accepts(text), other == -504);
    }
}

TEST(UnsoundPrune, APlaceInThePacketThatVariesMoreOnOneSide) {
    // 15 + 8 bytes are proved from the start; a place up to 15 bytes on is inside, one up to 31
    // not.
    for (const int mask : {15, 31}) {
        const std::string text =
            joined("r9 = r1\nr7 = *(u32 *)(r9 + 0)\nr8 = *(u32 *)(r9 + 4)\nr6 = *(u32 *)(r9 + 12)\n"
                   "r1 = r6\nif r6 == 0 goto other\nr1 &= 15\njoin:\nr7 += r1\nr2 = r7\nr2 += 8\n"
                   "if r2 > r8 goto out\n",
                   kWork, "r4 = *(u8 *)(r7 + 7)\n", "r3 = r10\nr3 += -16\nr3 += r1\n",
                   "*(u8 *)(r3 + 0) = 1\nout:\n", kEnd,
                   fmt::format("other:\nr1 = *(u32 *)(r9 + 16)\nr1 &= {}\ngoto join\n", mask));
        EXPECT_EQ(accepts(text, spec::ProgramType::xdp), mask == 15) << mask;
    }
}

// Nothing lies behind a pointer that is at the end; before it something may. (Linux 6.18 takes the
// comparison behind `r4 += -8` for decided.)
TEST(UnsoundPrune, BeforeThePacketsEndThereMayBeMore) {
    constexpr std::string_view kPacket = "r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr4 = r2\n"
                                         "r4 += 8\nif r4 < r3 goto out\n";
    for (const int moved : {0, -8}) {
        const std::string text =
            joined(kPacket, fmt::format("r4 += {}\n", moved), "if r4 < r3 goto more\nout:\n", kEnd,
                   "more:\nr0 = *(u64 *)(r10 + 8)\n", kEnd);
        EXPECT_EQ(accepts(text, spec::ProgramType::xdp), moved == 0);
    }
}

} // namespace
} // namespace skep::verify
