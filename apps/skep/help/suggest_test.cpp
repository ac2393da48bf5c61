// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/help/suggest.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace skep::app {
namespace {

const std::vector<std::string> kWords{"prog", "map", "link", "verify", "detach"};

TEST(Suggestion, IsTheWordThatAFewLettersMakeOfIt) {
    EXPECT_EQ(nearest("prgo", kWords), "prog") << "swapped";
    EXPECT_EQ(nearest("lnk", kWords), "link") << "left out";
    EXPECT_EQ(nearest("mapp", kWords), "map") << "put in";
    EXPECT_EQ(nearest("detech", kWords), "detach") << "changed";
    EXPECT_EQ(did_you_mean("verfy", kWords), "\ndid you mean 'verify'?");
}

TEST(Suggestion, IsNothingWhereNothingIsNear) {
    EXPECT_EQ(nearest("zebra", kWords), "");
    EXPECT_EQ(nearest("", {}), "");
    EXPECT_EQ(nearest(std::string(1000, 'p'), kWords), "");
    EXPECT_EQ(did_you_mean("zebra", kWords), "");
}

} // namespace
} // namespace skep::app
