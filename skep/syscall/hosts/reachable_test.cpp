// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/hosts/reachable.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace skep::syscall {
namespace {

TEST(ReachableFrom, NamesMapsBeforeTheProgramsThatCallEachOtherThroughThem) {
    auto calls = std::make_shared<registry::MapObject>();
    auto first = std::make_shared<registry::ProgramObject>();
    auto second = std::make_shared<registry::ProgramObject>();
    first->maps = second->maps = {calls};
    calls->held[ByteVector{1}] = second;
    const auto order = reachable_from(first);
    ASSERT_EQ(order.size(), 3U);
    EXPECT_EQ(order.front(), calls);
    EXPECT_NE(std::find(order.begin(), order.end(), second), order.end());
    calls->held.clear(); // a circle of shared pointers
}

} // namespace
} // namespace skep::syscall
