// SPDX-License-Identifier: Apache-2.0
//
// Hash maps used by many at once: threads, forked processes, and a process that is killed at a
// moment of nobody's choosing, over and over. Afterwards the map must hold exactly what its rules
// allow, and every bucket must be writable again.
#include <atomic>
#include <cerrno>
#include <cstring>
#include <random>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "skep/maps/map.hpp"
#include "skep/maps/testing/child.hpp"

namespace skep::maps {
namespace {

using spec::MapType;

// The number that stands first in a value: values lie at multiples of eight.
std::uint64_t* number_in(std::uint8_t* value) {
    return reinterpret_cast<std::uint64_t*>(value); // NOLINT: see above
}
const std::uint8_t* bytes(const void* pointer) { return static_cast<const std::uint8_t*>(pointer); }

std::unique_ptr<Map> made(MapType type, std::uint32_t entries) {
    spec::MapSpec spec;
    spec.name = "shared";
    spec.type = type;
    spec.key_size_bytes = 8;
    spec.value_size_bytes = 16;
    spec.max_entries = entries;
    auto map = make_map(spec, 2);
    EXPECT_TRUE(map.ok()) << map.error().message;
    return std::move(map).value();
}

struct Value {
    std::uint64_t key, check;
};
Value value_for(std::uint64_t key) { return {key, key * 0x9e3779b97f4a7c15}; }

// Random updates and deletions; every value tells its key, so a mix-up shows.
void churn(Map& map, std::uint32_t seed, std::uint64_t keys, std::uint64_t steps) {
    std::minstd_rand random(seed);
    for (std::uint64_t step = 0; step < steps; ++step) {
        const std::uint64_t key = random() % keys;
        const Value value = value_for(key);
        if (random() % 2 == 0) {
            map.update(bytes(&key), bytes(&value), kAny, 0);
        } else {
            map.erase(bytes(&key));
        }
    }
}

std::uint32_t held(Map& map) {
    std::uint32_t count = 0;
    Element element;
    for (std::uint64_t at = 0; map.element_from(at, 0, element); at = element.position + 1) {
        ++count;
    }
    return count;
}

// Every key once, every value its key's, no more than may be, and all of it can be taken out and
// filled again to the last entry but what deaths may have cost.
void check_whole(Map& map, std::uint32_t lost_most) {
    std::set<std::uint64_t> keys;
    Element element;
    for (std::uint64_t at = 0; map.element_from(at, 0, element); at = element.position + 1) {
        std::uint64_t key = 0;
        Value value{};
        std::memcpy(&key, element.key, sizeof key);
        std::memcpy(&value, element.value, sizeof value);
        ASSERT_TRUE(keys.insert(key).second) << "a key stands twice";
        ASSERT_EQ(value.key, key);
        ASSERT_NE(map.lookup(bytes(&key), 0), nullptr) << "a key that stands there is not found";
    }
    ASSERT_LE(keys.size(), map.spec().max_entries + lost_most);
    for (const std::uint64_t key : keys) {
        ASSERT_EQ(map.erase(bytes(&key)), 0);
    }
    std::uint32_t filled = 0;
    for (std::uint64_t key = 1'000'000; filled <= map.spec().max_entries + lost_most; ++key) {
        const Value value = value_for(key);
        if (map.update(bytes(&key), bytes(&value), kNoExist, 0) != 0) {
            break;
        }
        ++filled;
    }
    EXPECT_GE(filled + lost_most, map.spec().max_entries);
    EXPECT_LE(filled, map.spec().max_entries + lost_most);
}

TEST(HashConcurrency, ThreadsSeeWholeKeysAndKeepTheCount) {
    auto map = made(MapType::hash, 64);
    std::atomic<bool> done{false};
    std::atomic<std::uint64_t> wrong{0};
    std::thread reader([&] {
        std::minstd_rand random(9);
        while (!done) {
            const std::uint64_t key = random() % 90;
            auto* found = number_in(map->lookup(bytes(&key), 0));
            // The lane may be given to another key after it was found; never to no key at all.
            wrong += found != nullptr && std::atomic_ref(*found).load() >= 90 ? 1 : 0;
        }
    });
    std::thread left([&] { churn(*map, 1, 90, 200'000); });
    std::thread right([&] { churn(*map, 2, 90, 200'000); });
    left.join();
    right.join();
    done = true;
    reader.join();
    EXPECT_EQ(wrong, 0U);
    check_whole(*map, 0);
}

TEST(HashConcurrency, AKeyThatNobodyTouchesIsAlwaysFound) {
    auto map = made(MapType::hash, 40);
    const std::uint64_t lasting = 1'000;
    const Value value = value_for(lasting);
    ASSERT_EQ(map->update(bytes(&lasting), bytes(&value), kAny, 0), 0);
    std::atomic<bool> done{false};
    std::thread writer([&] {
        churn(*map, 3, 60, 300'000);
        done = true;
    });
    std::uint64_t misses = 0;
    while (!done) {
        misses += map->lookup(bytes(&lasting), 0) == nullptr ? 1 : 0;
    }
    writer.join();
    EXPECT_EQ(misses, 0U);
}

// Few entries and two CPUs: one finds nothing that can leave while the other's are on their way
// out.
TEST(HashConcurrency, AFullLruMapNeverHoldsTooMuch) {
    auto map = made(MapType::lru_hash, 3);
    std::atomic<std::uint64_t> refused{0};
    const auto insert = [&](std::uint64_t first, std::uint32_t cpu) {
        for (std::uint64_t key = first; key < first + 100'000; ++key) {
            const Value value = value_for(key);
            refused += map->update(bytes(&key), bytes(&value), kAny, cpu) != 0 ? 1 : 0;
            if (key % 8 == 0) {
                map->erase(bytes(&key));
            }
        }
    };
    std::thread other([&] { insert(1'000'000, 1); });
    insert(0, 0);
    other.join();
    EXPECT_EQ(refused, 0U);
    for (std::uint64_t key = 2'000'000; key < 2'000'050; ++key) {
        const Value value = value_for(key);
        ASSERT_EQ(map->update(bytes(&key), bytes(&value), kAny, key % 2), 0);
        ASSERT_LE(held(*map), 3U);
    }
}

// Nearly every lane is taken, so that most keys lie in buckets that are not their home.
TEST(HashConcurrency, WritersThatGoPastFullBucketsDoNotMeetInALane) {
    auto map = made(MapType::hash, 200);
    std::atomic<std::uint64_t> wrong{0};
    const auto work = [&](std::uint64_t first) {
        for (int round = 0; round < 300; ++round) {
            for (std::uint64_t key = first; key < first + 100; ++key) {
                const Value value = value_for(key);
                wrong += map->update(bytes(&key), bytes(&value), kNoExist, 0) != 0 ? 1 : 0;
            }
            for (std::uint64_t key = first; key < first + 100; ++key) {
                auto* found = number_in(map->lookup(bytes(&key), 0));
                wrong += found == nullptr || std::atomic_ref(*found).load() != key ? 1 : 0;
                wrong += map->erase(bytes(&key)) != 0 ? 1 : 0;
            }
        }
    };
    std::thread other([&] { work(1'000); });
    work(0);
    other.join();
    EXPECT_EQ(wrong, 0U);
    check_whole(*map, 0);
}

TEST(HashConcurrency, ForkedProcessesShareOneMap) {
    auto map = made(MapType::hash, 64);
    {
        testing::Child left([&] { churn(*map, 4, 90, 100'000); });
        testing::Child right([&] { churn(*map, 5, 90, 100'000); });
        churn(*map, 6, 90, 100'000);
        EXPECT_TRUE(left.ended_well());
        EXPECT_TRUE(right.ended_well());
    }
    check_whole(*map, 0);
}

class KilledWriter : public ::testing::TestWithParam<MapType> {};

TEST_P(KilledWriter, LeavesNothingLockedAndNothingBroken) {
    auto map = made(GetParam(), 48);
    constexpr std::uint32_t kDeaths = 60;
    std::minstd_rand random(12);
    for (std::uint32_t death = 0; death < kDeaths; ++death) {
        testing::Child child([&] { churn(*map, death + 100, 70, ~std::uint64_t{0}); });
        churn(*map, death, 70, 2'000 + random() % 3'000);
        child.kill();
        churn(*map, death + 1'000, 70, 200);
    }
    if (GetParam() == MapType::hash) {
        check_whole(*map, kDeaths);
        return;
    }
    for (std::uint64_t key = 0; key < 500; ++key) { // an LRU map takes what comes
        const Value value = value_for(key);
        ASSERT_EQ(map->update(bytes(&key), bytes(&value), kAny, 0), 0);
        ASSERT_NE(map->lookup(bytes(&key), 0), nullptr);
        ASSERT_LE(held(*map), map->spec().max_entries);
    }
}

INSTANTIATE_TEST_SUITE_P(Types, KilledWriter, ::testing::Values(MapType::hash, MapType::lru_hash),
                         [](const auto& instance) {
                             return std::string(spec::find(instance.param)->name);
                         });

TEST(HashConcurrency, TakesOverABucketWhoseHolderDiedInside) {
    auto map = made(MapType::hash, 4); // one bucket: whoever holds it holds all
    const std::uint64_t key = 1;
    const Value value = value_for(key);
    testing::Child child([&] { churn(*map, 1, 6, ~std::uint64_t{0}); });
    for (int step = 0; step < 2'000; ++step) {
        ASSERT_EQ(map->update(bytes(&key), bytes(&value), kAny, 0) % E2BIG, 0);
    }
    child.kill();
    const int status = map->update(bytes(&key), bytes(&value), kAny, 0);
    EXPECT_TRUE(status == 0 || status == -E2BIG) << status;
    check_whole(*map, 1);
}

} // namespace
} // namespace skep::maps
