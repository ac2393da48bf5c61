// SPDX-License-Identifier: Apache-2.0
#include "skep/run/tiers.hpp"

#include <gtest/gtest.h>

namespace skep::run {
namespace {

TEST(Tiers, HaveNamesThatAreReadBack) {
    for (const Tier tier : {Tier::interpreter, Tier::jit, Tier::llvm}) {
        EXPECT_EQ(tier_named(name_of(tier)), tier);
    }
    EXPECT_FALSE(tier_named("fastest").has_value());
}

TEST(Tiers, SayWhyOneIsMissing) {
    EXPECT_TRUE(check_available(Tier::interpreter).ok());
    const Result<void> llvm = check_available(Tier::llvm);
    if (llvm.ok()) {
        GTEST_SKIP() << "this build has every tier";
    }
    EXPECT_TRUE(llvm.error().message.starts_with("tier 'llvm': ")) << llvm.error().message;
}

} // namespace
} // namespace skep::run
