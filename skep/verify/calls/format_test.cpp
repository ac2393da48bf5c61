// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/calls/format.hpp"

#include <gtest/gtest.h>

namespace skep::verify {
namespace {

TEST(Format, CountsWhatNeedsAnArgument) {
    EXPECT_EQ(conversions_in(""), 0U);
    EXPECT_EQ(conversions_in("100%% %d"), 1U);
    EXPECT_EQ(conversions_in("%-08llx %c|%s %pI4 %pks %p"), 6U);
}

TEST(Format, RefusesWhatProgramsMayNotPrint) {
    for (const char* text : {"%", "%f", "%n", "%o", "%lld%", "%lc", "%hd", "%pZ", "\x01", "\xe4"}) {
        EXPECT_EQ(conversions_in(text), std::nullopt) << text;
    }
}

} // namespace
} // namespace skep::verify
