// SPDX-License-Identifier: Apache-2.0
//
// The checked interpreter stops at a fact that does not hold, whichever kind it is of. That facts
// do hold is seen wherever the tests run verified programs: it is one of their engines.
#include "skep/run/interpreter/checked.hpp"

#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

std::uint64_t run_with(std::string_view text, std::size_t at, const verify::InsnFacts& facts) {
    const auto assembled = assemble(text);
    EXPECT_TRUE(assembled.ok()) << assembled.error().message;
    UncheckedOptions options;
    options.facts.resize(at + 1);
    options.facts[at] = facts;
    const auto executable = run::make_checked(unchecked(assembled->insns, options), {});
    EXPECT_TRUE(executable.ok());
    helpers::Invocation invocation;
    return (*executable)->run(nullptr, invocation);
}

verify::InsnFacts constant(std::uint64_t number) {
    verify::InsnFacts facts;
    facts.constant = number;
    return facts;
}

TEST(Checked, GoesOnWhileFactsHold) {
    EXPECT_EQ(run_with("r0 = 7\nr0 += 1\nexit", 1, constant(8)), 8U);
    verify::InsnFacts never;
    never.never_taken = true;
    EXPECT_EQ(run_with("r0 = 7\nif r0 == 8 goto out\nr0 = 9\nout:\nexit", 1, never), 9U);
}

TEST(CheckedDeathTest, AConstantThatIsAnother) {
    EXPECT_DEATH(run_with("r0 = 7\nr0 += 1\nexit", 1, constant(9)),
                 "instruction 1: the result is always the same");
}

TEST(CheckedDeathTest, ABranchThatGoesTheOtherWay) {
    verify::InsnFacts facts;
    facts.always_taken = true;
    EXPECT_DEATH(run_with("r0 = 7\nif r0 == 8 goto out\nr0 = 9\nout:\nexit", 1, facts),
                 "instruction 1: the branch is always taken");
    facts.always_taken = false;
    facts.never_taken = true;
    EXPECT_DEATH(run_with("r0 = 7\nif r0 == 7 goto out\nr0 = 9\nout:\nexit", 1, facts),
                 "instruction 1: the branch is never taken");
}

TEST(CheckedDeathTest, ADivisorThatIsZero) {
    verify::InsnFacts facts;
    facts.divisor_nonzero = true;
    EXPECT_DEATH(run_with("r0 = 7\nr1 = 0\nr0 /= r1\nexit", 2, facts),
                 "instruction 2: the divisor is not zero");
}

TEST(CheckedDeathTest, AnAccessThatIsElsewhere) {
    verify::InsnFacts facts;
    facts.region = verify::Region::stack;
    EXPECT_DEATH(run_with("r1 = 64\nr0 = *(u8 *)(r1 + 0)\nexit", 1, facts),
                 "instruction 1: the access is to the stack");
}

} // namespace
} // namespace skep::tests
