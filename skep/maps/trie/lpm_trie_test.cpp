// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "skep/maps/map.hpp"

namespace skep::maps {
namespace {

struct Key {
    std::uint32_t length = 0;
    std::uint8_t data[4] = {};
};

const std::uint8_t* bytes(const void* pointer) { return static_cast<const std::uint8_t*>(pointer); }

std::unique_ptr<Map> made(std::uint32_t entries) {
    spec::MapSpec spec;
    spec.name = "prefixes";
    spec.type = spec::MapType::lpm_trie;
    spec.key_size_bytes = sizeof(Key);
    spec.value_size_bytes = 8;
    spec.max_entries = entries;
    spec.flags = spec::kMapNoPrealloc;
    auto map = make_map(spec, 1);
    EXPECT_TRUE(map.ok()) << map.error().message;
    return std::move(map).value();
}

std::uint32_t address_of(const Key& key) {
    return static_cast<std::uint32_t>(key.data[0]) << 24 |
           static_cast<std::uint32_t>(key.data[1]) << 16 |
           static_cast<std::uint32_t>(key.data[2]) << 8 | key.data[3];
}

std::uint32_t masked(std::uint32_t address, std::uint32_t length) {
    return length == 0 ? 0 : address & (~0U << (32 - length));
}

TEST(LpmTrie, FindsTheLongestPrefixThatAPlainListWouldFind) {
    auto map = made(300);
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> model; // (length, prefix)
    std::minstd_rand random(5);
    const auto draw = [&random](std::uint32_t below) {
        return static_cast<std::uint32_t>(random() % below);
    };
    for (std::uint64_t step = 0; step < 40'000; ++step) {
        Key key;
        key.length = draw(33);
        for (auto& byte : key.data) {
            byte = static_cast<std::uint8_t>(draw(3) * 85); // few values, so that prefixes nest
        }
        const auto where = std::pair(key.length, masked(address_of(key), key.length));
        const std::uint32_t action = draw(3);
        if (action == 0) {
            const bool full = !model.contains(where) && model.size() == 300;
            ASSERT_EQ(map->update(bytes(&key), bytes(&step), kAny, 0), full ? -ENOSPC : 0);
            if (!full) {
                model[where] = step;
            }
        } else if (action == 1) {
            ASSERT_EQ(map->erase(bytes(&key)), model.erase(where) == 1 ? 0 : -ENOENT);
        } else {
            const auto* found = reinterpret_cast<const std::uint64_t*>(map->lookup(bytes(&key), 0));
            const std::uint64_t* expected = nullptr;
            for (std::uint32_t length = 0; length <= key.length; ++length) {
                const auto at = model.find(std::pair(length, masked(address_of(key), length)));
                expected = at != model.end() ? &at->second : expected;
            }
            ASSERT_EQ(found != nullptr, expected != nullptr);
            if (found != nullptr) {
                ASSERT_EQ(*found, *expected);
            }
        }
    }
}

TEST(LpmTrie, RefusesLengthsThatTheKeyDoesNotHold) {
    auto map = made(4);
    Key key;
    key.length = 33;
    const std::uint64_t value = 1;
    EXPECT_EQ(map->update(bytes(&key), bytes(&value), kAny, 0), -EINVAL);
    EXPECT_EQ(map->erase(bytes(&key)), -EINVAL);
    EXPECT_EQ(map->lookup(bytes(&key), 0), nullptr);
    EXPECT_EQ(map->next_key(bytes(&key), reinterpret_cast<std::uint8_t*>(&key)), -ENOENT);
}

TEST(LpmTrie, AlwaysFindsAnEntryThatStaysWhileOthersComeAndGo) {
    auto map = made(1000);
    Key lasting{.length = 8, .data = {10}};
    const std::uint64_t mark = 77;
    ASSERT_EQ(map->update(bytes(&lasting), bytes(&mark), kAny, 0), 0);
    std::atomic<bool> done{false};
    std::thread writer([&] {
        std::minstd_rand random(1);
        for (int step = 0; step < 60'000; ++step) {
            Key key{.length = 9 + static_cast<std::uint32_t>(random() % 24),
                    .data = {11, static_cast<std::uint8_t>(random()),
                             static_cast<std::uint8_t>(random())}};
            const std::uint64_t value = 1;
            if (random() % 2 == 0) {
                map->update(bytes(&key), bytes(&value), kAny, 0);
            } else {
                map->erase(bytes(&key));
            }
        }
        done = true;
    });
    const Key wanted{.length = 32, .data = {10, 1, 2, 3}};
    std::uint64_t misses = 0;
    while (!done) {
        const auto* found = reinterpret_cast<const std::uint64_t*>(map->lookup(bytes(&wanted), 0));
        misses += found == nullptr || *found != mark ? 1 : 0;
    }
    writer.join();
    EXPECT_EQ(misses, 0U);
}

} // namespace
} // namespace skep::maps
