// SPDX-License-Identifier: Apache-2.0
//
// What the generator knows before it writes: functions, frames, liveness; and what it refuses.
#include "skep/run/jit/plan.hpp"

#include <array>
#include <random>

#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/run/jit/compile.hpp"
#include "skep/run/jit/liveness.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

using run::jit::live_before;
using run::jit::make_plan;
using run::jit::RegSet;
using run::jit::set_of;

std::vector<RawInsn> insns_of(std::string_view text) {
    auto assembled = assemble(text);
    EXPECT_TRUE(assembled.ok());
    return assembled->insns;
}

std::string refusal_of(std::vector<RawInsn> insns) {
    const auto image = run::jit::compile(unchecked(std::move(insns)), {});
    return image.ok() ? "" : image.error().message;
}

TEST(Plan, GivesALeafWithoutStackNoFrame) {
    const auto program = unchecked(insns_of("r0 = 2\nexit"));
    const auto plan = make_plan(program, {});
    ASSERT_TRUE(plan.ok());
    ASSERT_EQ(plan->functions.size(), 1U);
    EXPECT_EQ(plan->functions[0].frame.stack_bytes, 0U);
    EXPECT_FALSE(plan->functions[0].frame.calls);
    EXPECT_TRUE(plan->functions[0].frame.is_entry);
}

TEST(Plan, FindsSubprogramsAndWhatTheyChange) {
    const auto program =
        unchecked(insns_of("call pc+1\nexit\nr7 = 1\n*(u64 *)(r10 - 8) = 1\nr0 = 0\nexit"));
    const auto plan = make_plan(program, {});
    ASSERT_TRUE(plan.ok());
    ASSERT_EQ(plan->functions.size(), 2U);
    EXPECT_TRUE(plan->functions[0].frame.calls);
    EXPECT_EQ(plan->functions[1].start, 2U);
    EXPECT_EQ(plan->functions[1].frame.saved, 2U); // R7
    EXPECT_EQ(plan->functions[1].frame.stack_bytes, 512U);
    EXPECT_FALSE(plan->functions[1].frame.is_entry);
}

TEST(Plan, TakesABlockBehindItsPlaceForNoLoop) {
    const auto loop =
        make_plan(unchecked(insns_of("r1 = 9\nr1 += -1\nif r1 != 0 goto -2\nexit")), {});
    ASSERT_TRUE(loop.ok());
    EXPECT_TRUE(loop->has(run::jit::kLoopHead, 1));
    const auto behind =
        make_plan(unchecked(insns_of("if r1 == 0 goto +2\nr0 = 1\nexit\nr1 = 2\ngoto -4")), {});
    ASSERT_TRUE(behind.ok());
    EXPECT_FALSE(behind->has(run::jit::kLoopHead, 1));
}

TEST(Plan, TakesANumberThatIsKnownToReadNothing) {
    const std::vector<RawInsn> insns = insns_of("r0 = 1\nr0 <<= 3\nexit");
    const auto plan = make_plan(unchecked(insns), {});
    ASSERT_TRUE(plan.ok());
    EXPECT_EQ(live_before(*plan)[1], set_of(0));
    UncheckedOptions options;
    options.facts.resize(3);
    options.facts[1].constant = 8;
    const auto known = make_plan(unchecked(insns, options), {});
    ASSERT_TRUE(known.ok());
    EXPECT_EQ(live_before(*known)[1], RegSet{0});
}

TEST(Plan, RefusesWhatCannotRunHereWithAnExactWord) {
    const RawInsn exit{0x95, 0, 0, 0};
    EXPECT_EQ(refusal_of({{0x85, 0x20, 0, 7}, exit}),
              "instruction 0: kernel functions cannot be called by this engine");
    EXPECT_EQ(refusal_of({{0x18, 0x11, 0, 3}, {0, 0, 0, 0}, exit}),
              "instruction 0: a map is named by a descriptor, which means nothing here");
    EXPECT_EQ(refusal_of({{0x18, 0x51, 0, 3}, {0, 0, 0, 0}, exit}),
              "instruction 0: there is no map 3");
    EXPECT_EQ(refusal_of({{0x05, 0, 9, 0}, exit}),
              "instruction 0: goes to slot 10, where no instruction begins");
    EXPECT_EQ(refusal_of({{0x05, 0, 1, 0}, {0x18, 0, 0, 3}, {0, 0, 0, 0}, exit}),
              "instruction 0: goes to slot 2, where no instruction begins");
    EXPECT_EQ(refusal_of({{0xb7, 0, 0, 0}}),
              "instruction 0: the function ends without exit or jump");
}

TEST(Liveness, FollowsBothWaysOfAJumpAndRoundALoop) {
    const auto program = unchecked(
        insns_of("r2 = 3\nr3 = 4\nr0 = 0\nloop:\nr0 += r3\nr2 -= 1\nif r2 != 0 goto loop\nexit"));
    const auto plan = make_plan(program, {});
    ASSERT_TRUE(plan.ok());
    const auto live = live_before(*plan);
    EXPECT_EQ(live[0], 0);
    EXPECT_EQ(live[3], set_of(0) | set_of(2) | set_of(3));
    EXPECT_EQ(live[6], set_of(0));
}

TEST(Liveness, ACallMayReadItsArgumentsAndChangesThem) {
    const auto program = unchecked(insns_of("r6 = 1\nr1 = 2\ncall 5\nr0 += r6\nexit"));
    const auto plan = make_plan(program, {});
    ASSERT_TRUE(plan.ok());
    const auto live = live_before(*plan);
    EXPECT_EQ(live[2], run::jit::kArguments | set_of(6));
    EXPECT_EQ(live[3], set_of(0) | set_of(6));
}

std::uint32_t below(std::mt19937& random, std::uint32_t limit) {
    return static_cast<std::uint32_t>(random()) % limit;
}

// Jumps anywhere, between instructions that read and write registers.
std::vector<RawInsn> random_jumps(std::mt19937& random, std::uint32_t slots) {
    constexpr std::uint8_t kAddRegister = 0x0f;
    constexpr std::uint8_t kMoveRegister = 0xbf;
    constexpr std::uint8_t kMoveNumber = 0xb7;
    constexpr std::uint8_t kJumpUnless = 0x55;
    constexpr std::uint8_t kJump = 0x05;
    constexpr std::uint8_t kExit = 0x95;
    constexpr std::array kOpcodes{kAddRegister, kMoveRegister, kMoveNumber, kMoveNumber,
                                  kJumpUnless,  kJumpUnless,   kJumpUnless, kJump};
    std::vector<RawInsn> insns;
    for (std::uint32_t at = 0; at + 1 < slots; ++at) {
        const std::uint8_t opcode = kOpcodes[below(random, kOpcodes.size())];
        const bool jumps = opcode == kJumpUnless || opcode == kJump;
        const bool has_source = opcode == kAddRegister || opcode == kMoveRegister;
        const std::uint32_t src = has_source ? below(random, 10) : 0;
        const std::uint32_t dst = opcode == kJump ? 0 : below(random, 10);
        const auto distance = static_cast<std::int16_t>(below(random, slots) - at - 1);
        insns.push_back({opcode, static_cast<std::uint8_t>(src << 4 | dst),
                         jumps ? distance : std::int16_t{0}, 0});
    }
    insns.push_back({kExit, 0, 0, 0});
    return insns;
}

// What the word means: walked until nothing changes any more.
std::vector<RegSet> plainly_live(const run::jit::Plan& plan) {
    std::vector<RegSet> live(plan.insns.size() + 1, 0);
    for (bool changed = true; changed;) {
        changed = false;
        for (std::uint32_t at = 0; at < plan.insns.size(); ++at) {
            const Insn& insn = plan.insns[at];
            const bool jumps = insn.kind == InsnKind::jump || insn.kind == InsnKind::jump_always;
            const bool goes_on = insn.kind != InsnKind::exit && insn.kind != InsnKind::jump_always;
            const auto target = static_cast<std::size_t>(jumps ? insn.target(InsnIndex{at}) : 0);
            const auto after = static_cast<RegSet>((goes_on ? live[at + 1] : RegSet{0}) |
                                                   (jumps ? live[target] : RegSet{0}));
            const run::jit::Effects effects = plan.effects[at];
            const auto before = static_cast<RegSet>(effects.reads | (after & ~effects.writes));
            changed |= before != live[at];
            live[at] = before;
        }
    }
    return live;
}

TEST(Liveness, IsWhatWalkingUntilNothingChangesSays) {
    std::mt19937 random(7);
    std::uint32_t given_up = 0;
    constexpr std::uint32_t kPrograms = 3000;
    for (std::uint32_t i = 0; i < kPrograms; ++i) {
        const auto program = unchecked(random_jumps(random, 4 + below(random, 60)));
        const auto plan = make_plan(program, {});
        ASSERT_TRUE(plan.ok()) << plan.error().message;
        const auto found = live_before(*plan);
        const std::vector<RegSet> live(found.begin(), found.end());
        if (live.back() == run::jit::kAllRegs) { // too many walks
            ++given_up;
            continue;
        }
        ASSERT_EQ(live, plainly_live(*plan)) << "program " << i;
    }
    EXPECT_LT(given_up, kPrograms / 100);
}

} // namespace
} // namespace skep::tests
