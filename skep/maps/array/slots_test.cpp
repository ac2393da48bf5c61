// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

#include "skep/maps/map.hpp"
#include "skep/maps/testing/kernel_map.hpp"

namespace skep::maps {
namespace {

using spec::MapType;

spec::MapSpec shape(MapType type) {
    spec::MapSpec spec;
    spec.name = "slots";
    spec.type = type;
    spec.key_size_bytes = 4;
    spec.value_size_bytes = 4;
    spec.max_entries = 4;
    return spec;
}

struct Rules {
    MapType type;
    int noexist_on_empty, exist_on_empty, erase_empty, erase_past_end, user_read;
};

class Slots : public ::testing::TestWithParam<Rules> {};

TEST_P(Slots, FollowTheirRow) {
    const Rules& rules = GetParam();
    auto made = make_map(shape(rules.type), 2);
    ASSERT_TRUE(made.ok()) << made.error().message;
    Map& map = **made;
    const auto bytes = [](const std::uint32_t& word) {
        return reinterpret_cast<const std::uint8_t*>(&word);
    };
    const std::uint32_t index = 2;
    const std::uint32_t past = 4;
    const std::uint32_t id = 7;
    EXPECT_EQ(map.lookup(bytes(index), 0), nullptr);
    EXPECT_EQ(map.update(bytes(index), bytes(id), kNoExist, 0), rules.noexist_on_empty);
    map.erase(bytes(index));
    EXPECT_EQ(map.update(bytes(index), bytes(id), kExist, 0), rules.exist_on_empty);
    map.erase(bytes(index));
    EXPECT_EQ(map.erase(bytes(index)), rules.erase_empty);
    EXPECT_EQ(map.erase(bytes(past)), rules.erase_past_end);
    EXPECT_EQ(map.update(bytes(past), bytes(id), kAny, 0), -E2BIG);
    EXPECT_EQ(map.update(bytes(past), bytes(id), 99, 0), -EINVAL);
    ASSERT_EQ(map.update(bytes(index), bytes(id), kAny, 0), 0);
    ASSERT_NE(map.lookup(bytes(index), 0), nullptr);
    ByteVector value(4);
    EXPECT_EQ(map.read_user(bytes(index), value, 0), rules.user_read);
    std::uint32_t next = 0;
    EXPECT_EQ(map.next_key(nullptr, reinterpret_cast<std::uint8_t*>(&next)), 0);
    EXPECT_EQ(next, 0U);
    const std::uint32_t last = 3;
    EXPECT_EQ(map.next_key(bytes(last), reinterpret_cast<std::uint8_t*>(&next)), -ENOENT);
    EXPECT_EQ(map.erase(bytes(index)), 0);
}

INSTANTIATE_TEST_SUITE_P(
    Types, Slots,
    ::testing::Values(Rules{MapType::prog_array, -EINVAL, -EINVAL, -ENOENT, -E2BIG, 0},
                      Rules{MapType::perf_event_array, -EINVAL, -EINVAL, -ENOENT, -E2BIG, -524},
                      Rules{MapType::array_of_maps, -EINVAL, -EINVAL, -ENOENT, -E2BIG, 0},
                      Rules{MapType::devmap, -EEXIST, 0, 0, -EINVAL, 0},
                      Rules{MapType::cpumap, -EEXIST, 0, 0, -EINVAL, 0},
                      Rules{MapType::xskmap, 0, -ENOENT, 0, -EINVAL, -EOPNOTSUPP}),
    [](const auto& instance) { return std::string(spec::find(instance.param.type)->name); });

} // namespace
} // namespace skep::maps
