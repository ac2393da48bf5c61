// SPDX-License-Identifier: Apache-2.0
#include "skep/spec/rights/licences.hpp"

#include <gtest/gtest.h>

#include <string>

namespace skep::spec {
namespace {

using namespace std::string_view_literals;

TEST(Licence, IsComparedWhole) {
    EXPECT_TRUE(is_gpl_compatible("GPL"));
    EXPECT_TRUE(is_gpl_compatible("Dual BSD/GPL"));
    for (const char* other : {"", "gpl", "GPL ", "GPLv2", "MIT", "Proprietary"}) {
        EXPECT_FALSE(is_gpl_compatible(other)) << other;
    }
}

TEST(Licence, EndsAtAZero) {
    EXPECT_TRUE(is_gpl_compatible("GPL\0 and more"sv));
    EXPECT_FALSE(is_gpl_compatible("\0GPL"sv));
    EXPECT_FALSE(is_gpl_compatible("GPL" + std::string(limits::licence_bytes, ' ')));
}

} // namespace
} // namespace skep::spec
