// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "skep/maps/map.hpp"

namespace skep::maps {
namespace {

struct Key {
    std::uint32_t length = 0;
    std::uint8_t data[4] = {};
};

const std::uint8_t* bytes(const void* pointer) { return static_cast<const std::uint8_t*>(pointer); }

std::unique_ptr<Map> made(std::uint32_t entries, std::uint32_t data_bytes = 4) {
    spec::MapSpec spec;
    spec.name = "prefixes";
    spec.type = spec::MapType::lpm_trie;
    spec.key_size_bytes = 4 + data_bytes;
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

// Keys of other lengths than four bytes, in tries of other sizes: each has a table of starts of its
// own, and prefixes shorter and longer than what it walks.
TEST(LpmTrie, AnswersAsAPlainListForKeysAndTriesOfAllSizes) {
    struct Shape {
        std::uint32_t data_bytes, entries;
    };
    for (const Shape shape : {Shape{1, 20}, Shape{2, 500}, Shape{4, 100'000}, Shape{6, 5000},
                              Shape{16, 3}, Shape{16, 2000}}) {
        auto map = made(shape.entries, shape.data_bytes);
        std::map<std::vector<bool>, std::uint64_t> model;
        std::mt19937 random(shape.entries);
        const auto draw = [&random](std::size_t below) {
            return static_cast<std::uint32_t>(random() % below);
        };
        for (std::uint64_t step = 0; step < 4000; ++step) {
            std::vector<std::uint8_t> key(4 + shape.data_bytes);
            const std::uint32_t length = draw(shape.data_bytes * 8 + 1);
            std::memcpy(key.data(), &length, sizeof length);
            std::vector<bool> prefix;
            for (std::uint32_t i = 0; i < shape.data_bytes; ++i) {
                key[4 + i] = static_cast<std::uint8_t>(draw(i == 0 ? 64 : 3) * 85);
            }
            for (std::uint32_t i = 0; i < length; ++i) {
                prefix.push_back((key[4 + i / 8] >> (7 - i % 8) & 1) != 0);
            }
            const std::uint32_t action = draw(5);
            if (action < 2) {
                const bool full = !model.contains(prefix) && model.size() == shape.entries;
                ASSERT_EQ(map->update(key.data(), bytes(&step), kAny, 0), full ? -ENOSPC : 0);
                if (!full) {
                    model[prefix] = step;
                }
            } else if (action == 2) {
                ASSERT_EQ(map->erase(key.data()), model.erase(prefix) == 1 ? 0 : -ENOENT);
            }
            const auto* found = map->lookup_function()(*map, key.data(), 0);
            for (auto at = model.find(prefix); at == model.end() && !prefix.empty();
                 at = model.find(prefix)) {
                prefix.pop_back();
            }
            const auto expected = model.find(prefix);
            ASSERT_EQ(found != nullptr, expected != model.end()) << shape.data_bytes << " " << step;
            if (found != nullptr) {
                ASSERT_EQ(std::memcmp(found, &expected->second, 8), 0);
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

// Short prefixes change thousands of starts at once, under the feet of readers: the entry found is
// always one that covers the key, and never nothing.
TEST(LpmTrie, FindsACoveringEntryWhileShortPrefixesComeAndGo) {
    auto map = made(1U << 18);
    Key whole{.length = 0, .data = {}};
    std::uint64_t value = 0;
    ASSERT_EQ(map->update(bytes(&whole), bytes(&value), kAny, 0), 0);
    std::atomic<bool> done{false};
    std::thread writer([&] {
        for (std::uint32_t step = 0; step < 3000; ++step) {
            Key key{.length = 1 + step % 20, .data = {10, 1, 2, 3}};
            const std::uint64_t length = key.length;
            if (step / 20 % 2 == 0) {
                map->update(bytes(&key), bytes(&length), kAny, 0);
            } else {
                map->erase(bytes(&key));
            }
        }
        done = true;
    });
    const Key wanted{.length = 32, .data = {10, 1, 2, 3}};
    std::uint64_t wrong = 0;
    while (!done) {
        const auto* found = reinterpret_cast<const std::uint64_t*>(map->lookup(bytes(&wanted), 0));
        wrong += found == nullptr || *found > 20 ? 1 : 0;
    }
    writer.join();
    EXPECT_EQ(wrong, 0U);
}

} // namespace
} // namespace skep::maps
