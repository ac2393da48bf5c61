// SPDX-License-Identifier: Apache-2.0
//
// Queues, stacks and bloom filters, beside a plain model and the running kernel's.
#include <cerrno>
#include <cstring>
#include <deque>
#include <random>

#include <gtest/gtest.h>

#include "skep/maps/testing/kernel_map.hpp"

namespace skep::maps {
namespace {

using spec::MapType;

spec::MapSpec shape(MapType type, std::uint32_t entries) {
    spec::MapSpec spec;
    spec.name = "values";
    spec.type = type;
    spec.value_size_bytes = 12;
    spec.max_entries = entries;
    return spec;
}

std::unique_ptr<Map> made(const spec::MapSpec& spec) {
    auto map = make_map(spec, 2);
    EXPECT_TRUE(map.ok()) << map.error().message;
    return std::move(map).value();
}

class Sequence : public ::testing::TestWithParam<MapType> {};

TEST_P(Sequence, AnswersAsTheKernelsAndAsAPlainOne) {
    const spec::MapSpec spec = shape(GetParam(), 5);
    auto ours = made(spec);
    auto kernel = testing::KernelMap::make(spec);
    std::deque<ByteVector> model;
    std::minstd_rand random(4);
    for (int step = 0; step < 3'000; ++step) {
        ByteVector value(12, static_cast<std::uint8_t>(step));
        ByteVector theirs(12);
        const std::uint64_t flags = random() % 4;
        int expected = 0;
        switch (random() % 3) {
        case 0:
            expected = flags == kNoExist || flags == 3        ? -EINVAL
                       : model.size() == 5 && flags != kExist ? -E2BIG
                                                              : 0;
            ASSERT_EQ(ours->write_user(nullptr, value, flags), expected);
            if (kernel) {
                ASSERT_EQ(kernel->write(nullptr, value.data(), flags), expected);
            }
            if (expected == 0) {
                if (model.size() == 5) {
                    model.pop_front();
                }
                model.push_back(value);
            }
            break;
        default: {
            const bool take = random() % 2 == 0;
            const bool newest = GetParam() == MapType::stack;
            ASSERT_EQ(take ? ours->take_user(nullptr, value, 0)
                           : ours->read_user(nullptr, value, 0),
                      model.empty() ? -ENOENT : 0);
            if (kernel) {
                ASSERT_EQ(take ? kernel->take(nullptr, theirs.data())
                               : kernel->read(nullptr, theirs.data()),
                          model.empty() ? -ENOENT : 0);
            }
            if (!model.empty()) {
                ASSERT_EQ(value, newest ? model.back() : model.front());
                if (kernel) {
                    ASSERT_EQ(value, theirs);
                }
                if (take) {
                    newest ? model.pop_back() : model.pop_front();
                }
            }
        }
        }
    }
    const std::uint32_t key = 0;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&key);
    EXPECT_EQ(ours->update(bytes, bytes, kAny, 0), -EINVAL);
    EXPECT_EQ(ours->erase(nullptr), -EINVAL);
    EXPECT_EQ(ours->next_key(nullptr, nullptr), -EINVAL);
}

INSTANTIATE_TEST_SUITE_P(Types, Sequence, ::testing::Values(MapType::queue, MapType::stack),
                         [](const auto& instance) {
                             return std::string(spec::find(instance.param)->name);
                         });

TEST(Bloom, NeverForgetsAndSeldomErrs) {
    spec::MapSpec spec = shape(MapType::bloom_filter, 1'000);
    auto map = made(spec);
    ByteVector value(12);
    const auto set = [&value](std::uint32_t number) { std::memcpy(value.data(), &number, 4); };
    for (std::uint32_t i = 0; i < 1'000; ++i) {
        set(i);
        ASSERT_EQ(map->push(value.data(), kAny), 0);
    }
    for (std::uint32_t i = 0; i < 1'000; ++i) {
        set(i);
        ASSERT_EQ(map->read_user(nullptr, value, 0), 0);
    }
    std::uint32_t wrong = 0;
    for (std::uint32_t i = 10'000; i < 20'000; ++i) {
        set(i);
        wrong += map->peek(value.data()) == 0 ? 1 : 0;
    }
    EXPECT_LT(wrong, 500U); // two in a hundred are expected
    EXPECT_EQ(map->push(value.data(), kExist), -EINVAL);
    EXPECT_EQ(map->erase(nullptr), -EOPNOTSUPP);
    EXPECT_EQ(map->memory_bytes(), 1'336U);
}

} // namespace
} // namespace skep::maps
