// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explore/live/liveness.hpp"

#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/verify/shape/structure.hpp"

namespace skep::verify {
namespace {

// The liveness of a program that is well formed.
struct Analysed {
    explicit Analysed(std::string_view text) {
        program.type = spec::ProgramType::xdp;
        program.insns = assemble(text).value().insns;
        Ruling<Subject> subject = check_structure(program, environment);
        EXPECT_TRUE(subject.ok());
        liveness = find_liveness(*subject);
    }
    ProgramSpec program;
    Environment environment;
    Liveness liveness;
};

TEST(Liveness, ARegisterIsLiveUntilItIsReadForTheLastTime) {
    const Analysed a("r0 = 1\nr2 = 2\nr0 += r2\nexit");
    EXPECT_EQ(a.liveness.regs[0], kNoRegs);
    EXPECT_EQ(a.liveness.regs[2], only(0) | only(2));
    EXPECT_EQ(a.liveness.regs[3], only(0));
}

// What registers hold is kept for the beginnings of blocks alone.
TEST(Liveness, AProgramWithoutJumpsTakesLittleForEachInstruction) {
    const auto bytes_for_each = [](std::string_view insn) {
        std::string text = "r0 = 0\n";
        for (int count = 0; count < 1000; ++count) {
            text += insn;
        }
        ProgramSpec program;
        program.type = spec::ProgramType::xdp;
        program.insns = assemble(text + "exit").value().insns;
        const Environment environment;
        const Ruling<Subject> subject = check_structure(program, environment);
        return liveness_analysis_bytes(*subject) / 1000;
    };
    EXPECT_LT(bytes_for_each("r0 += 1\n"), 200U);
    EXPECT_GT(bytes_for_each("if r0 == 1 goto +0\n"), 300U);
}

TEST(Liveness, BothSidesOfAJumpCount) {
    const Analysed a("if r1 == 0 goto +2\nr0 = r6\nexit\nr0 = r7\nexit");
    EXPECT_EQ(a.liveness.regs[0], only(1) | only(6) | only(7));
}

TEST(Liveness, ASlotIsDeadBeforeItIsOverwrittenWhole) {
    const Analysed a("*(u64 *)(r10 - 8) = 1\nr0 = *(u64 *)(r10 - 8)\nexit");
    EXPECT_EQ(a.liveness.slots[0], kNoSlots);
    EXPECT_EQ(a.liveness.slots[1], SlotSet{1});
    EXPECT_EQ(a.liveness.slots[2], kNoSlots);
}

TEST(Liveness, APartialStoreKillsNothing) {
    const Analysed a("*(u32 *)(r10 - 8) = 1\nr0 = *(u64 *)(r10 - 8)\nexit");
    EXPECT_EQ(a.liveness.slots[0], SlotSet{1});
}

TEST(Liveness, AnAddressInAnotherRegisterReadsItsSlot) {
    const Analysed a("r2 = r10\nr2 += -24\nr0 = *(u32 *)(r2 + 4)\nexit");
    EXPECT_EQ(a.liveness.slots[0], SlotSet{1} << 2);
}

TEST(Liveness, ACalleeReadsWhatItIsGivenTheAddressOfAndNoMore) {
    const Analysed a("r1 = r10\nr1 += -16\ncall +1\nexit\nr0 = *(u64 *)(r1 + 0)\nexit");
    EXPECT_EQ(a.liveness.slots[2], SlotSet{1} << 1);
}

TEST(Liveness, AnAddressAtAnUnknownOffsetReadsEverything) {
    const Analysed a("r2 = r10\nr2 += r1\nr0 = *(u64 *)(r2 + 0)\nexit");
    EXPECT_EQ(a.liveness.slots[0], kAllSlots);
}

TEST(Liveness, WhereWaysMeetAnAddressReadsAsFarAsAnyOfThem) {
    const Analysed a("r2 = r10\nr2 += -8\nif r1 == 0 goto +2\nr2 = r10\nr2 += -24\n"
                     "r0 = *(u64 *)(r2 + 0)\nexit");
    EXPECT_EQ(a.liveness.slots[0], SlotSet{7});
    const Analysed b("r2 = r10\nr2 += -16\nif r1 == 0 goto +1\nr2 = r6\n"
                     "r0 = *(u64 *)(r2 + 0)\nexit");
    EXPECT_EQ(b.liveness.slots[0], SlotSet{1} << 1);
}

TEST(Liveness, WhatMayBeAnAddressOverwritesNothing) {
    const Analysed a("r2 = r10\nr2 += -16\nif r1 == 0 goto +1\nr2 = r6\n"
                     "*(u64 *)(r2 + 0) = 1\nr0 = *(u64 *)(r10 - 16)\nexit");
    EXPECT_EQ(a.liveness.slots[0], SlotSet{1} << 1);
}

TEST(Liveness, AnAddressThatMovesOnInALoopReadsEverything) {
    const Analysed a("r2 = r10\nr2 += -8\nr2 += -8\nif r1 == 0 goto -2\n"
                     "r0 = *(u64 *)(r2 + 0)\nexit");
    EXPECT_EQ(a.liveness.slots[0], kAllSlots);
}

TEST(Liveness, AnAddressThatWasSpilledReadsWhereItPoints) {
    const Analysed a(
        "*(u64 *)(r10 - 8) = r10\nr2 = *(u64 *)(r10 - 8)\nr0 = *(u64 *)(r2 - 64)\nexit");
    EXPECT_EQ(a.liveness.slots[2], SlotSet{1} << 7);
}

TEST(Liveness, NoAddressOfAStackComesFromTheContext) {
    const Analysed a("*(u64 *)(r10 - 8) = r10\nr2 = *(u64 *)(r1 + 0)\nr0 = *(u64 *)(r2 + 0)\nexit");
    EXPECT_EQ(a.liveness.slots[1], kNoSlots);
}

TEST(Liveness, AnArgumentThatTheCalleeSpillsStillReadsNoMoreThanItDoes) {
    const Analysed a("r1 = r10\nr1 += -16\ncall +1\nexit\n"
                     "*(u64 *)(r10 - 8) = r1\nr2 = *(u64 *)(r10 - 8)\n"
                     "r0 = *(u64 *)(r2 + 0)\nexit");
    EXPECT_EQ(a.liveness.slots[2], SlotSet{1} << 1);
}

TEST(Liveness, AnAddressThatACalleeStoredMayComeBackToTheCaller) {
    const Analysed a("r1 = r10\nr1 += -8\nr2 = r10\nr2 += -16\ncall +3\n"
                     "r3 = *(u64 *)(r10 - 8)\nr0 = *(u64 *)(r3 + 0)\nexit\n"
                     "*(u64 *)(r1 + 0) = r2\nr0 = 0\nexit");
    EXPECT_EQ(a.liveness.slots[6], kAllSlots);
}

TEST(Liveness, AnAddressThatACalleeCopiedMayComeBackToTheCaller) {
    const Analysed a("r2 = r10\nr2 += -32\n*(u64 *)(r10 - 8) = r2\nr1 = r10\nr1 += -16\n"
                     "call +3\nr3 = *(u64 *)(r10 - 16)\nr0 = *(u64 *)(r3 + 0)\nexit\n"
                     "r2 = *(u64 *)(r1 + 8)\n*(u64 *)(r1 + 0) = r2\nr0 = 0\nexit");
    EXPECT_EQ(a.liveness.slots[7], kAllSlots);
}

// What is live of main's frame while the function that `calls` lead to stands at `at`.
SlotSet live_in_main(const Analysed& a, std::initializer_list<std::uint32_t> calls,
                     std::uint32_t at) {
    State state = State::entering(0);
    std::uint32_t subprogram = 0;
    for (const std::uint32_t call : calls) {
        state.push_frame(++subprogram, InsnIndex{call});
    }
    return live_frames(a.liveness, state, InsnIndex{at})[0].slots;
}

TEST(LiveFrames, OfACallerWhatTheCalleeReadsFromHereOn) {
    const Analysed a("r1 = r10\nr1 += -16\ncall +1\nexit\n"
                     "r0 = *(u64 *)(r1 + 0)\nr0 = *(u64 *)(r1 + 8)\nexit");
    EXPECT_EQ(live_in_main(a, {2}, 4), SlotSet{3});
    EXPECT_EQ(live_in_main(a, {2}, 5), SlotSet{1});
    EXPECT_EQ(live_in_main(a, {2}, 6), kNoSlots);
}

TEST(LiveFrames, OfACallerWhatItReadsAfterTheCall) {
    const Analysed a("*(u64 *)(r10 - 24) = 1\ncall +2\nr0 = *(u64 *)(r10 - 24)\nexit\n"
                     "r0 = 0\nexit");
    EXPECT_EQ(live_in_main(a, {1}, 4), SlotSet{1} << 2);
}

TEST(LiveFrames, WhatWasFoundInTheCallersFrameMayLeadAnywhereInIt) {
    const Analysed a("r2 = r10\nr2 += -32\n*(u64 *)(r10 - 8) = r2\nr1 = r10\nr1 += -8\n"
                     "call +1\nexit\nr2 = *(u64 *)(r1 + 0)\nr0 = *(u64 *)(r2 + 0)\nexit");
    EXPECT_EQ(live_in_main(a, {5}, 8), kAllSlots);
    EXPECT_EQ(live_in_main(a, {5}, 9), kNoSlots);
}

TEST(LiveFrames, ANumberThatWasFoundLeadsNowhere) {
    const Analysed a("*(u64 *)(r10 - 8) = r1\nr1 = r10\nr1 += -8\ncall +1\nexit\n"
                     "r2 = *(u64 *)(r1 + 0)\nr0 = *(u64 *)(r2 + 0)\nexit");
    EXPECT_EQ(live_in_main(a, {3}, 6), kNoSlots);
}

TEST(LiveFrames, WhatWasFoundTwoCallsUpIsStillTheOutermostFrame) {
    const Analysed a("r2 = r10\nr2 += -32\n*(u64 *)(r10 - 8) = r2\nr1 = r10\nr1 += -8\n"
                     "call +1\nexit\ncall +1\nexit\n"
                     "r2 = *(u64 *)(r1 + 0)\nr0 = *(u64 *)(r2 + 0)\nexit");
    EXPECT_EQ(live_in_main(a, {5, 7}, 10), kAllSlots);
    EXPECT_EQ(live_in_main(a, {5, 7}, 11), kNoSlots);
}

TEST(LiveFrames, AFarReadIsCutOffToEverything) {
    const Analysed a("r1 = r10\nr1 += -8\ncall +1\nexit\n"
                     "r1 += 8000\nr1 += -8000\nr0 = *(u64 *)(r1 + 0)\nexit");
    EXPECT_EQ(live_in_main(a, {2}, 6) & 1U, 1U);
}

TEST(Reach, OfWhatGrowsOftenOrLiesFarIsEverything) {
    Reach far;
    far.add(Reach::kFar + 8, Reach::kFar + 16);
    EXPECT_EQ(far.first, -Reach::kFar);
    EXPECT_EQ(far.end, Reach::kFar);
    Reach growing;
    for (std::int64_t end = 8; end < 320; end += 8) {
        growing.add(0, end);
    }
    EXPECT_EQ(growing.end, Reach::kFar);
    Reach nothing;
    nothing.add(8, 8);
    EXPECT_TRUE(nothing.is_empty());
}

} // namespace
} // namespace skep::verify
