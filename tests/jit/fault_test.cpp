// SPDX-License-Identifier: Apache-2.0
//
// A fact that is wrong on purpose: the run ends, the process does not.
#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/run/code/guard.hpp"
#include "skep/run/jit/image.hpp"
#include "skep/run/tiers.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

struct WrongFact : testing::TestWithParam<run::Tier> {
    void SetUp() override {
        if (!run::check_available(GetParam()).ok()) {
            GTEST_SKIP() << run::check_available(GetParam()).error().message;
        }
        ASSERT_TRUE(run::code::install_fault_handlers().ok());
    }

    // The answer of the tier, and the faults it counted.
    std::uint64_t run(std::string_view text, UncheckedOptions options = {}) {
        auto assembled = assemble(text);
        EXPECT_TRUE(assembled.ok());
        auto ready =
            run::make_executable(unchecked(assembled->insns, std::move(options)), {}, GetParam());
        EXPECT_TRUE(ready.ok());
        invocation.faults = 0;
        return ready->executable->run(nullptr, invocation);
    }

    helpers::Invocation invocation;
};

INSTANTIATE_TEST_SUITE_P(All, WrongFact, testing::Values(run::Tier::jit, run::Tier::llvm),
                         [](const auto& one) { return std::string(run::name_of(one.param)); });

TEST_P(WrongFact, OfANonzeroDivisorEndsTheRun) {
    UncheckedOptions options;
    options.facts.resize(4);
    options.facts[3].divisor_nonzero = true;
    EXPECT_EQ(run("call 8\nr1 = r0\nr0 = 7\nr0 /= r1\nexit", options), 0U); // slot 0
    const bool division_is_total = run::jit::kThisMachine == run::jit::Machine::arm64;
    EXPECT_EQ(invocation.faults, division_is_total ? 0U : 1U);
}

TEST_P(WrongFact, OfMemoryThatIsThereEndsTheRun) {
    EXPECT_EQ(run("r1 = 64\nr0 = *(u64 *)(r1 + 0)\nr0 |= 1\nexit"), 0U);
    EXPECT_EQ(invocation.faults, 1U);
}

TEST_P(WrongFact, InASubprogramEndsTheWholeRun) {
    EXPECT_EQ(run("r6 = 5\ncall pc+2\nr0 = 1\nexit\nr6 = 0\n*(u64 *)(r6 + 8) = 1\nexit"), 0U);
    EXPECT_EQ(invocation.faults, 1U);
    EXPECT_EQ(run("r0 = 3\nexit"), 3U); // and the next one is as if nothing had been
    EXPECT_EQ(invocation.faults, 0U);
}

TEST_P(WrongFact, DoesNotMatterWhereTheLoadIsGuarded) {
    UncheckedOptions options;
    options.loads_may_fault = true;
    EXPECT_EQ(run("r1 = 1\nr2 = 2\nr3 = 3\nr4 = 4\nr5 = 5\nr6 = 64\nr0 = 7\nr7 = *(u32 *)(r6 + 0)\n"
                  "r0 += r1\nr0 += r2\nr0 += r3\nr0 += r4\nr0 += r5\nr0 += r7\nexit",
                  options),
              22U);
    EXPECT_EQ(run("*(u64 *)(r10 - 8) = -2\nr1 = *(s16 *)(r10 - 8)\nr0 = r1\nexit", options),
              ~std::uint64_t{1});
    EXPECT_EQ(invocation.faults, 0U);
}

} // namespace
} // namespace skep::tests
