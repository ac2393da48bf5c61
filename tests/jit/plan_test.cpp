// SPDX-License-Identifier: Apache-2.0
//
// What the generator knows before it writes: functions, frames, liveness; and what it refuses.
#include "skep/run/jit/plan.hpp"

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
    const std::vector<RegSet> live = live_before(*plan);
    EXPECT_EQ(live[0], 0);
    EXPECT_EQ(live[3], set_of(0) | set_of(2) | set_of(3));
    EXPECT_EQ(live[6], set_of(0));
}

TEST(Liveness, ACallMayReadItsArgumentsAndChangesThem) {
    const auto program = unchecked(insns_of("r6 = 1\nr1 = 2\ncall 5\nr0 += r6\nexit"));
    const auto plan = make_plan(program, {});
    ASSERT_TRUE(plan.ok());
    const std::vector<RegSet> live = live_before(*plan);
    EXPECT_EQ(live[2], run::jit::kArguments | set_of(6));
    EXPECT_EQ(live[3], set_of(0) | set_of(6));
}

} // namespace
} // namespace skep::tests
