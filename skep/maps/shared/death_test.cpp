// SPDX-License-Identifier: Apache-2.0
//
// A writer that is killed at any of its instructions leaves a map that others go on using: what it
// was at is there or not, what others put there is, and as many entries fit as before.
#include <cerrno>
#include <string>

#include <gtest/gtest.h>

#include "skep/maps/map.hpp"
#include "skep/os/sharing/child.hpp"

namespace skep::maps {
namespace {

using spec::MapType;

struct Key {
    std::uint32_t length;
    std::uint8_t data[4];

    [[nodiscard]] const std::uint8_t* bytes() const {
        return static_cast<const std::uint8_t*>(static_cast<const void*>(this));
    }
};
constexpr Key kTouched{16, {10, 1, 0, 0}};
constexpr Key kLasting{24, {172, 16, 1, 0}};
constexpr std::uint8_t kValue[8] = {7};

std::unique_ptr<Map> made(MapType type, std::uint32_t entries) {
    spec::MapSpec spec;
    spec.name = "mortal";
    spec.type = type;
    spec.key_size_bytes = sizeof(Key);
    spec.value_size_bytes = sizeof kValue;
    spec.max_entries = entries;
    spec.flags = type == MapType::lpm_trie ? spec::kMapNoPrealloc : 0U;
    auto map = make_map(spec, 2);
    EXPECT_TRUE(map.ok()) << map.error().message;
    return std::move(map).value();
}

#if defined(__SANITIZE_THREAD__)
constexpr bool kIsStepped = false; // a step takes a hundred, and says nothing of races
#else
constexpr bool kIsStepped = true;
#endif

// Why no writer can be stopped at any instruction here; nothing where it can.
std::string why_not_stepped() {
    if (!kIsStepped) {
        return "single steps are too many under the thread sanitizer";
    }
    const std::int64_t steps = os::kill_after_instructions([] {}, [] {}, 1'000'000);
    return steps >= 0 ? ""
                      : "a child may not be single-stepped here: errno " + std::to_string(-steps);
}

// A process that changes a map and dies on the way.
template <class Base>
struct Stepped : Base {
    void SetUp() override {
        if (const std::string why = why_not_stepped(); !why.empty()) {
            GTEST_SKIP() << why; // it depends on the build and on the machine
        }
    }
};
using LruWriters = Stepped<testing::Test>;
using HashWriters = Stepped<testing::Test>;

struct Death {
    MapType type;
    bool erases;
    std::uint32_t entries = 4;
    std::uint32_t others = 0; // that are there before: then the key may lie past its home
};

class Writer : public Stepped<testing::TestWithParam<Death>> {
  public:
    // How many instructions the writer took; it was killed after `most`.
    std::int64_t dies_after(std::int64_t most) {
        map = made(GetParam().type, GetParam().entries);
        EXPECT_EQ(map->update(kLasting.bytes(), kValue, kAny, 0), 0);
        for (std::uint32_t i = 0; i < GetParam().others; ++i) {
            EXPECT_EQ(map->update(numbered(2, i).bytes(), kValue, kAny, 0), 0);
        }
        if (GetParam().erases) {
            EXPECT_EQ(map->update(kTouched.bytes(), kValue, kAny, 0), 0);
        }
        const auto joins = [this] { // the first change by a process is a longer way
            const Key other{32, {99, 9, 9, 9}};
            map->update(other.bytes(), kValue, kAny, 0);
            map->erase(other.bytes());
        };
        const auto works = [this] {
            if (GetParam().erases) {
                map->erase(kTouched.bytes());
            } else {
                map->update(kTouched.bytes(), kValue, kAny, 0);
            }
        };
        return os::kill_after_instructions(joins, works, most);
    }

    // Whoever comes next finds it whole.
    void expect_whole() {
        EXPECT_NE(map->lookup(kLasting.bytes(), 0), nullptr);
        EXPECT_EQ(map->update(kTouched.bytes(), kValue, kAny, 0), 0);
        EXPECT_EQ(map->erase(kTouched.bytes()), 0);
        EXPECT_EQ(map->lookup(kTouched.bytes(), 0), nullptr);
        EXPECT_EQ(map->erase(kLasting.bytes()), 0);
        for (std::uint32_t i = 0; i < GetParam().others; ++i) {
            EXPECT_NE(map->lookup(numbered(2, i).bytes(), 0), nullptr) << i;
        }
        for (std::uint32_t i = 0; i < GetParam().entries - GetParam().others; ++i) {
            EXPECT_EQ(map->update(numbered(1, i).bytes(), kValue, kAny, 0), 0) << i;
        }
    }

    static Key numbered(std::uint8_t kind, std::uint32_t number) {
        return Key{32, {kind, static_cast<std::uint8_t>(number), 3, 4}};
    }

    std::unique_ptr<Map> map;
};

TEST_P(Writer, MayBeKilledAtAnyInstruction) {
    const std::int64_t whole_way = dies_after(1'000'000);
    ASSERT_GT(whole_way, 100);
    ASSERT_LT(whole_way, 1'000'000);
    constexpr std::int64_t kPlaces = 100; // all of them would take minutes
    for (std::int64_t place = 0; place < kPlaces; ++place) {
        const std::int64_t most = whole_way * place / kPlaces;
        dies_after(most);
        expect_whole();
        ASSERT_FALSE(HasFailure()) << "killed after " << most << " of " << whole_way;
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

// Each may take with it what it had set aside and what it was making leave; of the same map.
TEST_F(LruWriters, MayDieOneAfterAnotherAndTheMapTakesWhatComes) {
    constexpr std::uint32_t kEntries = 4;
    const auto map = made(MapType::lru_hash, kEntries);
    std::uint8_t next = 0;
    const auto update = [&] {
        const Key key{32, {1, 2, 3, next++}};
        return map->update(key.bytes(), kValue, kAny, 0) == 0 &&
               map->lookup(key.bytes(), 0) != nullptr;
    };
    const auto die_after = [&](std::int64_t most) {
        return os::kill_after_instructions([&] { update(); }, [&] { update(); }, most);
    };
    const std::int64_t whole_way = die_after(1'000'000);
    ASSERT_GE(whole_way, 0);
    constexpr std::int64_t kPlaces = 60;
    for (std::int64_t place = 0; place < kPlaces; ++place) {
        die_after(whole_way * place / kPlaces);
        ASSERT_TRUE(update()) << "after the death at " << place << " of " << kPlaces;
        ASSERT_LE(held(*map), kEntries) << "after the death at " << place << " of " << kPlaces;
    }
}

// An erased key's entry is free again and its key gone, or neither.
TEST_F(LruWriters, MayDieWhileTheyEraseAndTheMapNeverHoldsTooMuch) {
    constexpr std::uint32_t kEntries = 4;
    const auto map = made(MapType::lru_hash, kEntries);
    std::uint8_t next = 0;
    const auto key = [&] { return Key{32, {1, 2, 3, next}}; };
    const auto die_after = [&](std::int64_t most) {
        ++next;
        EXPECT_EQ(map->update(key().bytes(), kValue, kAny, 0), 0);
        const auto joins = [&] { map->update(key().bytes(), kValue, kAny, 0); };
        return os::kill_after_instructions(
            joins, [&] { map->erase(key().bytes()); }, most);
    };
    const std::int64_t whole_way = die_after(1'000'000);
    ASSERT_GE(whole_way, 0);
    constexpr std::int64_t kPlaces = 60;
    for (std::int64_t place = 0; place < kPlaces; ++place) {
        die_after(whole_way * place / kPlaces);
        for (std::uint8_t i = 0; i < kEntries + 2; ++i) {
            const Key other{32, {9, 9, 9, i}};
            ASSERT_EQ(map->update(other.bytes(), kValue, kAny, 0), 0);
            ASSERT_LE(held(*map), kEntries) << "after the death at " << place << " of " << kPlaces;
        }
    }
}

constexpr std::uint8_t kFew = 80; // entries in six buckets
Key of_kind(std::uint8_t kind, std::uint8_t number) { return Key{32, {1, kind, 3, number}}; }
void insert(Map& map, std::uint8_t kind, std::uint8_t first, std::uint8_t behind_last) {
    for (std::uint8_t i = first; i < behind_last; ++i) {
        EXPECT_EQ(map.update(of_kind(kind, i).bytes(), kValue, kAny, 0), 0);
    }
}

// A death may leave room for one entry more than there were to be.
void expect_to_fill_to_the_last(Map& map) {
    std::uint32_t total = held(map);
    for (std::uint8_t i = 0; map.update(of_kind(9, i).bytes(), kValue, kNoExist, 0) == 0; ++i) {
        ++total;
    }
    EXPECT_GE(total, std::uint32_t{kFew});
    EXPECT_LE(total, kFew + 1U);
}

// `die_after(most)` makes the map, and a writer that fills it and is killed after so many
// instructions. It dies at so many places along its way.
template <class DieAfter>
void expect_to_fill_after_deaths(const std::unique_ptr<Map>& map, DieAfter die_after,
                                 std::int64_t places) {
    const std::int64_t whole_way = die_after(1'000'000);
    ASSERT_GE(whole_way, 0);
    EXPECT_EQ(held(*map), kFew);
    for (std::int64_t place = 0; place < places; ++place) {
        die_after(whole_way * place / places);
        expect_to_fill_to_the_last(*map);
        ASSERT_FALSE(testing::Test::HasFailure())
            << "after the death at " << place << " of " << places;
    }
}

// Buckets keep entries of what was erased; the writer comes to the limit and recalls them.
TEST_F(HashWriters, MayDieWhileTheyRecallEntriesAndTheMapFillsToTheLast) {
    std::unique_ptr<Map> map;
    const auto die_after = [&](std::int64_t most) {
        map = made(MapType::hash, kFew);
        insert(*map, 1, 0, 60);
        for (std::uint8_t i = 0; i < 60; ++i) {
            EXPECT_EQ(map->erase(of_kind(1, i).bytes()), 0);
        }
        return os::kill_after_instructions([&] { insert(*map, 2, 0, 68); },
                                           [&] { insert(*map, 2, 68, kFew); }, most);
    };
    expect_to_fill_after_deaths(map, die_after, 20);
}

// Who comes after it writes to other buckets, most often, and finds the map full.
TEST_F(HashWriters, MayDieWithTheLastEntryInTheirHands) {
    std::unique_ptr<Map> map;
    const auto die_after = [&](std::int64_t most) {
        map = made(MapType::hash, kFew);
        insert(*map, 1, 0, kFew - 1);
        const auto joins = [&] { insert(*map, 1, 0, 1); };
        return os::kill_after_instructions(
            joins, [&] { insert(*map, 2, 0, 1); }, most);
    };
    expect_to_fill_after_deaths(map, die_after, 60);
}

INSTANTIATE_TEST_SUITE_P(
    Deaths, Writer,
    testing::Values(Death{MapType::hash, false}, Death{MapType::hash, true},
                    Death{MapType::hash, false, 42, 40}, Death{MapType::hash, true, 42, 40},
                    Death{MapType::hash, false, 100, 50}, Death{MapType::hash, true, 100, 50},
                    Death{MapType::lpm_trie, false}, Death{MapType::lpm_trie, true}));

} // namespace
} // namespace skep::maps
