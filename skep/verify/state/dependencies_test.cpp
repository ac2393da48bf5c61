// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/state/dependencies.hpp"

#include <gtest/gtest.h>

namespace skep::verify {
namespace {

TEST(Dependencies, WhatComesFromNothingNeedsNothing) {
    Dependencies graph;
    graph.need(0);
    EXPECT_FALSE(graph.is_needed(0));
    EXPECT_EQ(graph.join(0, 0), 0U);
}

TEST(Dependencies, ANeedReachesEverythingItWasComputedFrom) {
    Dependencies graph;
    const auto a = graph.place(0);
    const auto b = graph.place(0);
    const auto c = graph.place(0);
    const auto sum = graph.join(a, b);
    graph.need(sum);
    EXPECT_TRUE(graph.is_needed(a));
    EXPECT_TRUE(graph.is_needed(b));
    EXPECT_FALSE(graph.is_needed(c));
}

TEST(Dependencies, APlaceOfItsOwnIsNeededAloneUntilItIs) {
    Dependencies graph;
    const auto before = graph.place(0);
    const auto one = graph.place(before);
    const auto other = graph.place(before);
    graph.need(one);
    EXPECT_TRUE(graph.is_needed(before));
    EXPECT_FALSE(graph.is_needed(other));
}

TEST(Dependencies, AFollowerIsNeededAsSoonAsWhatItFollowsIs) {
    Dependencies graph;
    const auto first = graph.place(0);
    const auto then = graph.place(0);
    graph.follow(first, then);
    EXPECT_FALSE(graph.is_needed(then));
    graph.need(first);
    EXPECT_TRUE(graph.is_needed(then));
    const auto late = graph.place(0);
    graph.follow(first, late);
    EXPECT_TRUE(graph.is_needed(late));
}

TEST(Dependencies, CirclesOfFollowersEnd) {
    Dependencies graph;
    const auto a = graph.place(0);
    const auto b = graph.place(a);
    graph.follow(a, b);
    graph.need(b);
    EXPECT_TRUE(graph.is_needed(a));
}

} // namespace
} // namespace skep::verify
