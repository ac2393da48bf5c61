// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "skep/maps/map.hpp"

namespace skep::maps {
namespace {

using spec::MapType;

std::unique_ptr<Map> made(MapType type, std::uint32_t key, std::uint32_t value,
                          std::uint32_t entries, std::uint32_t flags = 0) {
    spec::MapSpec spec;
    spec.name = "test";
    spec.type = type;
    spec.key_size_bytes = key;
    spec.value_size_bytes = value;
    spec.max_entries = entries;
    spec.flags = flags;
    auto map = make_map(spec, 2);
    EXPECT_TRUE(map.ok()) << map.error().message;
    return std::move(map).value();
}

const std::uint8_t* bytes(const void* pointer) { return static_cast<const std::uint8_t*>(pointer); }

using Model = std::map<std::uint64_t, std::uint64_t>;

void take_a_step(Map& map, Model& model, std::mt19937_64& random) {
    const std::uint32_t entries = map.spec().max_entries;
    const std::uint64_t key = random() % (entries * 5 / 4 + 2);
    const std::uint64_t value = random();
    const bool present = model.contains(key);
    switch (random() % 3) {
    case 0: {
        const int expected = !present && model.size() == entries ? -E2BIG : 0;
        ASSERT_EQ(map.update(bytes(&key), bytes(&value), kAny, 0), expected);
        if (expected == 0) {
            model[key] = value;
        }
        break;
    }
    case 1:
        ASSERT_EQ(map.erase(bytes(&key)), present ? 0 : -ENOENT);
        model.erase(key);
        break;
    default: {
        auto* found = reinterpret_cast<std::uint64_t*>( // NOLINT: values here are such a number
            map.lookup(bytes(&key), 0));
        ASSERT_EQ(found != nullptr, present);
        if (present) {
            ASSERT_EQ(*found, model[key]);
        }
    }
    }
}

TEST(HashMap, BehavesAsAnOrdinaryMapUnderRandomOperations) {
    for (const std::uint32_t entries : {1U, 7U, 16U, 100U, 5000U}) {
        auto map = made(MapType::hash, 8, 8, entries);
        Model model;
        std::mt19937_64 random(entries);
        for (int step = 0; step < 60'000 && !HasFatalFailure(); ++step) {
            take_a_step(*map, model, random);
        }
        std::set<std::uint64_t> walked;
        std::uint64_t key = 0;
        for (const std::uint8_t* from = nullptr;
             map->next_key(from, reinterpret_cast<std::uint8_t*>(&key)) == 0; from = bytes(&key)) {
            ASSERT_TRUE(walked.insert(key).second) << "a key came twice";
        }
        EXPECT_EQ(walked.size(), model.size());
        Element element;
        std::size_t visited = 0;
        for (std::uint64_t at = 0; map->element_from(at, 0, element); at = element.position + 1) {
            ++visited;
        }
        EXPECT_EQ(visited, model.size());
    }
}

// Sizes have look-ups of their own, and keys begin where they like and differ in any byte.
TEST(HashMap, TellsKeysOfEverySizeApartByEveryByte) {
    for (std::uint32_t size = 1; size <= 40; ++size) {
        for (const MapType type : {MapType::hash, MapType::lru_hash, MapType::percpu_hash}) {
            auto map = made(type, size, 4, 64);
            const Map::LookupFunction lookup = map->lookup_function();
            ASSERT_NE(lookup, nullptr);
            std::vector<std::uint8_t> room(size + 1, 0x55);
            std::uint8_t* key = room.data() + 1;
            for (std::uint32_t at = 0; at < size; ++at) {
                key[at] ^= 0x80;
                ASSERT_EQ(lookup(*map, key, 0), nullptr) << size << " " << at;
                ASSERT_EQ(map->update(key, bytes(&at), kAny, 0), 0);
                key[at] ^= 0x80;
            }
            for (std::uint32_t at = 0; at < size; ++at) {
                key[at] ^= 0x80;
                const auto* found = lookup(*map, key, 0);
                ASSERT_NE(found, nullptr) << size << " " << at;
                EXPECT_EQ(found, map->lookup(key, 0));
                EXPECT_EQ(map->lookup_function_for(KeyPieces::words)(*map, key, 0), found);
                EXPECT_EQ(map->lookup_function_for(KeyPieces::bytes)(*map, key, 0), found);
                EXPECT_EQ(*found, at);
                key[at] ^= 0x80;
            }
        }
    }
}

TEST(HashMap, FillsToTheLastEntryAgainAndAgain) {
    auto map = made(MapType::hash, 4, 4, 1000);
    for (std::uint32_t round = 0; round < 20; ++round) {
        for (std::uint32_t i = 0; i < 1000; ++i) {
            const std::uint32_t key = round * 1000 + i;
            ASSERT_EQ(map->update(bytes(&key), bytes(&key), kNoExist, 0), 0) << round << " " << i;
        }
        const std::uint32_t one_more = 1U << 30;
        ASSERT_EQ(map->update(bytes(&one_more), bytes(&one_more), kAny, 0), -E2BIG);
        for (std::uint32_t i = 0; i < 1000; ++i) {
            const std::uint32_t key = round * 1000 + i;
            ASSERT_EQ(map->erase(bytes(&key)), 0);
        }
    }
}

// Entries that buckets keep for their next keys are not in the map.
TEST(HashMap, TellsItsMemoryByWhatItHolds) {
    auto map = made(MapType::hash, 4, 4, 1000, spec::kMapNoPrealloc);
    const std::uint64_t empty = map->memory_bytes();
    for (std::uint32_t key = 0; key < 500; ++key) {
        ASSERT_EQ(map->update(bytes(&key), bytes(&key), kNoExist, 0), 0);
    }
    const std::uint64_t each = (map->memory_bytes() - empty) / 500;
    EXPECT_EQ(map->memory_bytes(), empty + 500 * each);
    for (std::uint32_t key = 0; key < 400; ++key) {
        ASSERT_EQ(map->erase(bytes(&key)), 0);
    }
    EXPECT_EQ(map->memory_bytes(), empty + 100 * each);
}

TEST(HashMap, IsSeenByASecondViewOfItsFiles) {
    auto first = made(MapType::hash, 4, 4, 10);
    MapFiles files{std::move(first->files().shared.duplicate()).value(),
                   std::move(first->files().table.duplicate()).value()};
    auto second = open_map(first->spec(), 2, std::move(files));
    ASSERT_TRUE(second.ok()) << second.error().message;
    const std::uint32_t key = 3;
    const std::uint32_t value = 99;
    ASSERT_EQ(first->update(bytes(&key), bytes(&value), kAny, 0), 0);
    const auto* found = reinterpret_cast<std::uint32_t*>((*second)->lookup(bytes(&key), 0));
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(*found, 99U);
    ASSERT_EQ((*second)->erase(bytes(&key)), 0);
    EXPECT_EQ(first->lookup(bytes(&key), 0), nullptr);
}

TEST(HashMap, GivesTheOrderAgainWhenTheSeedIsZero) {
    auto left = made(MapType::hash, 4, 4, 64, spec::kMapZeroSeed);
    auto right = made(MapType::hash, 4, 4, 64, spec::kMapZeroSeed);
    for (std::uint32_t key = 0; key < 40; ++key) {
        left->update(bytes(&key), bytes(&key), kAny, 0);
        right->update(bytes(&key), bytes(&key), kAny, 0);
    }
    std::uint32_t l = 0;
    std::uint32_t r = 0;
    for (bool first = true;
         left->next_key(first ? nullptr : bytes(&l), reinterpret_cast<std::uint8_t*>(&l)) == 0;
         first = false) {
        ASSERT_EQ(right->next_key(first ? nullptr : bytes(&r), reinterpret_cast<std::uint8_t*>(&r)),
                  0);
        ASSERT_EQ(l, r);
    }
}

TEST(PercpuHash, GivesANewKeyZeroesOnOtherCpusAndTouchesOnlyItsOwnLater) {
    auto map = made(MapType::percpu_hash, 4, 4, 8);
    const std::uint32_t key = 1;
    std::uint32_t value = 7;
    ByteVector both(16, 0xff);
    ASSERT_EQ(map->write_user(bytes(&key), both, kAny), 0);
    ASSERT_EQ(map->erase(bytes(&key)), 0);
    ASSERT_EQ(map->update(bytes(&key), bytes(&value), kAny, 1), 0);
    ASSERT_EQ(map->read_user(bytes(&key), both, 0), 0);
    EXPECT_EQ(both, (ByteVector{0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, both[12], both[13], both[14],
                                both[15]}));
    value = 9;
    ASSERT_EQ(map->update(bytes(&key), bytes(&value), kAny, 0), 0);
    EXPECT_EQ(*reinterpret_cast<std::uint32_t*>(map->lookup(bytes(&key), 1)), 7U);
    EXPECT_EQ(*reinterpret_cast<std::uint32_t*>(map->lookup(bytes(&key), 0)), 9U);
    EXPECT_EQ(map->lookup(bytes(&key), 2), nullptr);
}

TEST(LruHash, LosesTheOldestInBatchesAsMeasuredOnTheKernel) {
    struct Row {
        std::uint32_t entries, first_loss_at, lost;
    };
    for (const Row row : {Row{1, 2, 1}, Row{4, 5, 1}, Row{10, 11, 2}, Row{64, 65, 16},
                          Row{256, 257, 64}, Row{300, 301, 75}, Row{512, 513, 128},
                          Row{600, 513, 40}, Row{1024, 1025, 128}, Row{10000, 9985, 112}}) {
        auto map = made(MapType::lru_hash, 4, 4, row.entries);
        const auto count = [&] {
            std::uint32_t seen = 0;
            Element element;
            for (std::uint64_t at = 0; map->element_from(at, 0, element);
                 at = element.position + 1) {
                ++seen;
            }
            return seen;
        };
        for (std::uint32_t key = 1; key < row.first_loss_at; ++key) {
            ASSERT_EQ(map->update(bytes(&key), bytes(&key), kAny, 0), 0);
        }
        ASSERT_EQ(count(), row.first_loss_at - 1) << row.entries;
        const std::uint32_t key = row.first_loss_at;
        ASSERT_EQ(map->update(bytes(&key), bytes(&key), kAny, 0), 0);
        EXPECT_EQ(count(), row.first_loss_at - row.lost) << row.entries;
        std::uint32_t left = row.lost; // the oldest went
        EXPECT_EQ(map->lookup(bytes(&left), 0), nullptr);
        ++left;
        EXPECT_NE(map->lookup(bytes(&left), 0), nullptr);
    }
}

TEST(LruHash, KeepsWhatProgramsUsed) {
    auto map = made(MapType::lru_hash, 4, 4, 256);
    for (std::uint32_t key = 0; key < 256; ++key) {
        map->update(bytes(&key), bytes(&key), kAny, 0);
    }
    for (std::uint32_t key = 0; key < 64; ++key) {
        map->lookup(bytes(&key), 0);
    }
    for (std::uint32_t key = 1000; key < 1128; ++key) {
        ASSERT_EQ(map->update(bytes(&key), bytes(&key), kAny, 0), 0);
    }
    for (std::uint32_t key = 0; key < 64; ++key) {
        ByteVector value(4);
        EXPECT_EQ(map->read_user(bytes(&key), value, 0), 0) << key;
    }
}

TEST(LruHash, NeverRefusesAndNeverHoldsTooMuchUnderRandomUse) {
    for (const std::uint32_t flags : {0U, static_cast<std::uint32_t>(spec::kMapNoCommonLru)}) {
        auto map = made(MapType::lru_hash, 4, 8, 100, flags);
        std::minstd_rand random(3);
        for (int step = 0; step < 50'000; ++step) {
            const auto key = static_cast<std::uint32_t>(random() % 400);
            const std::uint64_t value = key;
            if (random() % 3 == 0) {
                map->erase(bytes(&key));
            } else {
                ASSERT_EQ(map->update(bytes(&key), bytes(&value), kAny,
                                      static_cast<std::uint32_t>(random() % 2)),
                          0);
                const auto* found = reinterpret_cast<std::uint64_t*>(map->lookup(bytes(&key), 0));
                ASSERT_NE(found, nullptr);
                ASSERT_EQ(*found, key);
            }
        }
        Element element;
        std::uint32_t seen = 0;
        for (std::uint64_t at = 0; map->element_from(at, 0, element); at = element.position + 1) {
            ++seen;
        }
        EXPECT_LE(seen, 100U);
        EXPECT_GT(seen, 40U);
    }
}

} // namespace
} // namespace skep::maps
