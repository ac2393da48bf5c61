// SPDX-License-Identifier: Apache-2.0
#include "skep/spec/map_types.hpp"

#include <gtest/gtest.h>

#include "skep/spec/helpers.hpp"

namespace skep::spec {
namespace {

constexpr int kInvalid = 22;
constexpr int kTooBig = 7;

MapShape array(std::uint32_t key, std::uint32_t value, std::uint32_t entries,
               std::uint32_t flags = 0) {
    return {MapType::array, key, value, entries, flags};
}

TEST(MapTypes, AShapeThatFitsItsRowMayBeMade) {
    EXPECT_EQ(creation_errno(array(4, 8, 16)), 0);
    EXPECT_EQ(creation_errno(array(4, 33554432, 1, kMapMmapable)), 0);
    EXPECT_EQ(creation_errno({MapType::ringbuf, 0, 0, 4096, 0}), 0);
    EXPECT_EQ(creation_errno({MapType::lpm_trie, 8, 4, 10, kMapNoPrealloc}), 0);
}

TEST(MapTypes, WrongSizesAreRefusedAsTheKernelDoes) {
    EXPECT_EQ(creation_errno(array(5, 8, 16)), kInvalid);
    EXPECT_EQ(creation_errno(array(4, 0, 16)), kInvalid);
    EXPECT_EQ(creation_errno(array(4, 0xffffffffU, 16)), kTooBig);
    EXPECT_EQ(creation_errno(array(4, 8, 0)), kInvalid);
    EXPECT_EQ(creation_errno({MapType::hash, 4, 4194240, 1, 0}), 0);
    EXPECT_EQ(creation_errno({MapType::hash, 4, 4194272, 1, 0}), kTooBig);
    EXPECT_EQ(creation_errno({MapType::percpu_array, 4, 32769, 1, 0}), kTooBig);
    EXPECT_EQ(creation_errno({MapType::ringbuf, 0, 0, 12288, 0}), kInvalid);
    EXPECT_EQ(creation_errno({MapType::stack_trace, 4, 12, 1, 0}), kInvalid);
}

TEST(MapTypes, WrongFlagsAreRefusedAsTheKernelDoes) {
    EXPECT_EQ(creation_errno(array(4, 8, 16, kMapNoPrealloc)), kInvalid);
    EXPECT_EQ(creation_errno({MapType::lpm_trie, 8, 4, 10, 0}), kInvalid);
    EXPECT_EQ(creation_errno({MapType::lru_hash, 4, 4, 1, kMapNoPrealloc}), 524);
    EXPECT_EQ(creation_errno(array(4, 8, 16, kMapReadOnlyProgram | kMapWriteOnlyProgram)),
              kInvalid);
}

TEST(MapTypes, ANumberThatIsNoTypeIsRefused) {
    EXPECT_EQ(creation_errno({MapType::unspec, 4, 4, 1, 0}), kInvalid);
    EXPECT_EQ(creation_errno({static_cast<MapType>(34), 4, 4, 1, 0}), kInvalid);
}

TEST(MapTypes, AHelperTakesTheMapsOfItsRowAndOthersTakeNone) {
    EXPECT_TRUE(maps_of_helper(1).contains(MapType::hash));
    EXPECT_FALSE(maps_of_helper(1).contains(MapType::ringbuf));
    EXPECT_TRUE(maps_of_helper(5).empty());
}

TEST(MapTypes, EveryHelperWithAMapArgumentHasARow) {
    for (const HelperRow& row : helpers()) {
        bool takes_map = false;
        for (const Arg& argument : row.arguments) {
            takes_map = takes_map || argument.kind == ArgKind::const_map_ptr;
        }
        EXPECT_EQ(takes_map, !maps_of_helper(static_cast<std::uint32_t>(row.id)).empty())
            << row.name;
    }
}

} // namespace
} // namespace skep::spec
