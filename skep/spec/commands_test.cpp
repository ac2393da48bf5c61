// SPDX-License-Identifier: Apache-2.0
#include "skep/spec/commands.hpp"

#include <gtest/gtest.h>

#include <set>

namespace skep::spec {
namespace {

TEST(Commands, ANumberIsAnIndexAndUnknownNumbersHaveNoRow) {
    ASSERT_NE(find_command(5), nullptr);
    EXPECT_EQ(find_command(5)->name, "prog_load");
    EXPECT_EQ(find_command(static_cast<std::uint32_t>(commands().size())), nullptr);
    EXPECT_EQ(find_command(0xffffffffU), nullptr);
}

TEST(Commands, TheRowsOfACommandAreItsOwn) {
    EXPECT_EQ(pointers(Command::map_get_next_key).size(), 2U);
    EXPECT_TRUE(pointers(Command::map_freeze).empty());
    for (const PointerRow& row : pointers(Command::prog_load)) {
        EXPECT_EQ(row.command, Command::prog_load);
    }
    EXPECT_EQ(pointers(Command::prog_load).size(), 8U);
}

TEST(Commands, NoAttributeIsNamedTwice) {
    std::set<std::pair<Command, std::uint32_t>> seen;
    for (const DescriptorRow& row : descriptors()) {
        EXPECT_TRUE(seen.emplace(row.command, row.offset).second) << row.field;
    }
    for (const PointerRow& row : pointers()) {
        EXPECT_TRUE(seen.emplace(row.command, row.offset).second) << row.field;
        EXPECT_GT(row.maximum_bytes, 0U) << row.field;
    }
}

TEST(Commands, AddressesInInfoRecordsAreAligned) {
    for (const InfoPointerRow& row : info_pointers()) {
        EXPECT_EQ(row.offset % 8, 0U) << row.field;
        EXPECT_EQ(row.count_offset % 4, 0U) << row.field;
    }
}

} // namespace
} // namespace skep::spec
