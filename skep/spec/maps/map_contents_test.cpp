// SPDX-License-Identifier: Apache-2.0
#include "skep/spec/maps/map_contents.hpp"

#include <gtest/gtest.h>

namespace skep::spec {
namespace {

TEST(MapContents, ATypeWithoutARowHoldsBytes) {
    EXPECT_EQ(contents_of(MapType::hash), MapContents::bytes);
    EXPECT_EQ(contents_of(static_cast<MapType>(77)), MapContents::bytes);
}

TEST(MapContents, WhatHoldsMapsHoldsNothingElse) {
    EXPECT_TRUE(holds_maps(MapType::array_of_maps));
    EXPECT_TRUE(holds_maps(MapType::hash_of_maps));
    EXPECT_FALSE(holds_maps(MapType::array));
    EXPECT_FALSE(holds_sockets(MapType::hash_of_maps));
    EXPECT_FALSE(holds_targets(MapType::array_of_maps));
}

// A value that stands for something is its number: four bytes, or eight with a program or a cookie.
TEST(MapContents, WhatStandsForSomethingFitsIntoANumber) {
    for (const MapTypeRow& row : kMapTypes) {
        if (contents_of(row.type) != MapContents::bytes) {
            EXPECT_EQ(row.value.minimum, 4U) << row.name;
            EXPECT_LE(row.value.maximum, 8U) << row.name;
        }
    }
}

TEST(MapContents, PacketsAreSentOnByDevicesAndCpus) {
    EXPECT_TRUE(holds_targets(MapType::devmap));
    EXPECT_TRUE(holds_targets(MapType::devmap_hash));
    EXPECT_TRUE(holds_targets(MapType::cpumap));
    EXPECT_FALSE(holds_targets(MapType::xskmap));
}

} // namespace
} // namespace skep::spec
