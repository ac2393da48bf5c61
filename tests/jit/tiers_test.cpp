// SPDX-License-Identifier: Apache-2.0
#include "skep/run/tiers.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

#include "tests/support/engines.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

const std::vector<RawInsn> kReturnsTwo{{0xb7, 0, 0, 2}, {0x95, 0, 0, 0}};

TEST(Tiers, GiveTheOneThatWasAskedForOrTheFastest) {
    const auto program = unchecked(kReturnsTwo);
    for (const run::Tier tier : {run::Tier::interpreter, run::Tier::jit, run::Tier::llvm}) {
        if (!run::check_available(tier).ok()) {
            continue;
        }
        auto ready = run::make_executable(program, {}, tier);
        ASSERT_TRUE(ready.ok());
        EXPECT_EQ(ready->executable->tier(), tier);
        helpers::Invocation invocation;
        EXPECT_EQ(ready->executable->run(nullptr, invocation), 2U);
    }
    auto ready = run::make_executable(program, {});
    ASSERT_TRUE(ready.ok());
    EXPECT_EQ(run::name_of(ready->executable->tier()), engines().back().name);
    EXPECT_FALSE(ready->reason.empty());
}

// Tests of all engines leave out what a build does not have: this one says so, and fails where all
// of it was installed (tools/test sets SKEP_EXPECT_TIERS).
TEST(Tiers, AreAllThere) {
    const bool all_are_expected = std::getenv("SKEP_EXPECT_TIERS") != nullptr; // NOLINT: one thread
    for (const run::Tier tier : {run::Tier::interpreter, run::Tier::jit, run::Tier::llvm}) {
        const Result<void> available = run::check_available(tier);
        if (all_are_expected) {
            EXPECT_TRUE(available.ok()) << available.error().message;
        } else if (!available.ok()) {
            GTEST_SKIP() << available.error().message;
        }
    }
}

TEST(Tiers, RefuseWhatIsNotThereInsteadOfTakingAnother) {
    if (run::check_available(run::Tier::llvm).ok()) {
        GTEST_SKIP() << "every tier is there";
    }
    const auto refused = run::make_executable(unchecked(kReturnsTwo), {}, run::Tier::llvm);
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.error().message.find("llvm-19-dev"), std::string::npos);
}

} // namespace
} // namespace skep::tests
