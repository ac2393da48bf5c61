// SPDX-License-Identifier: Apache-2.0
#include "skep/maps/trie/start_table.hpp"

#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace skep::maps {
namespace {

using Step = StartTable::Step;

// Sixteen slots, and a trie as a list of nodes (links are positions + 1).
struct Tree {
    std::array<StartTable::Slot, 16> slots{};
    std::vector<Step> nodes;
    StartTable table{reinterpret_cast<std::uint8_t*>(slots.data()), 4};

    void fill(StartTable::Range range, std::uint32_t root) {
        table.fill(range, {root, 0}, [this](std::uint32_t link) { return nodes.at(link - 1); });
    }
    Start at(std::uint32_t slot) { return table.at(slot << 12); }
};

TEST(StartTable, IsAsLargeAsTheTrieIsWorth) {
    EXPECT_EQ(StartTable::bits_for(1, 32), 4U);
    EXPECT_EQ(StartTable::bits_for(4096, 32), 11U);
    EXPECT_EQ(StartTable::bits_for(4096, 8), 8U);
    EXPECT_EQ(StartTable::bits_for(~0U, 32), 16U);
}

TEST(StartTable, KnowsTheSlotsThatAPrefixCovers) {
    Tree tree;
    EXPECT_EQ(tree.table.covered(0xbeef, 0).count, 16U);
    EXPECT_EQ(tree.table.covered(0xbeef, 1).first, 8U);
    EXPECT_EQ(tree.table.covered(0xbeef, 3).first, 10U);
    EXPECT_EQ(tree.table.covered(0xbeef, 3).count, 2U);
    EXPECT_EQ(tree.table.covered(0xbeef, 16).first, 11U);
    EXPECT_EQ(tree.table.covered(0xbeef, 16).count, 1U);
}

// 0* is an entry; below it 0110 11* and, on the other side, a fork at 00* of two longer ones.
TEST(StartTable, NamesTheDeepestEntryAndTheNodeToGoOnWith) {
    Tree tree;
    tree.nodes = {Step{1, 0x0000, true, {2, 3}}, Step{2, 0x0000, false, {4, 5}},
                  Step{6, 0x6c00, true, {}}, Step{4, 0x1000, true, {}}, Step{9, 0x3a00, true, {}}};
    tree.nodes[1].child = {4, 5};
    tree.fill({0, 16}, 1);
    const auto expect = [&](std::uint32_t slot, std::uint32_t next, std::uint32_t found) {
        EXPECT_EQ(tree.at(slot).next, next) << slot;
        EXPECT_EQ(tree.at(slot).found, found) << slot;
    };
    expect(0, 0, 1);
    expect(1, 4, 1);
    expect(2, 0, 1);
    expect(3, 5, 1);
    expect(5, 0, 1);
    expect(6, 3, 1);
    expect(7, 0, 1);
    expect(8, 0, 0);
    expect(15, 0, 0);
}

TEST(StartTable, FillsOnlyTheRangeThatIsAskedFor) {
    Tree tree;
    tree.nodes = {Step{0, 0, true, {}}};
    tree.fill(tree.table.covered(0x4000, 2), 1);
    EXPECT_EQ(tree.at(3).found, 0U);
    EXPECT_EQ(tree.at(4).found, 1U);
    EXPECT_EQ(tree.at(7).found, 1U);
    EXPECT_EQ(tree.at(8).found, 0U);
}

TEST(StartTable, EndsOnATrieThatLeadsInACircle) {
    Tree tree;
    tree.nodes = {Step{0, 0, true, {1, 2}}, Step{1, 0x8000, true, {1, 2}}};
    tree.fill({0, 16}, 1);
    EXPECT_EQ(tree.at(0).found, 1U);
    EXPECT_EQ(tree.at(15).found, 2U);
}

} // namespace
} // namespace skep::maps
