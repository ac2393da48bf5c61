// SPDX-License-Identifier: Apache-2.0
//
// Look-ups in hash maps on every engine: each kind of map, keys of every size, keys that lie in
// their home lane and keys that do not, keys that are not there, and while others write. The
// optimising tier tries the home lane in place (maps/hash/home_lane.hpp).
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <thread>
#include <tuple>

#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/run/jit/compile.hpp"
#include "skep/run/optimised/optimiser.hpp"
#include "tests/support/engines.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

using spec::MapType;

constexpr std::uint32_t kEntries = 100; // full, so that many keys are not in their home lane
constexpr std::uint64_t kNumber = 1000;
constexpr std::uint64_t kNone = 7;
constexpr std::uint32_t kCpus = 2;

using Key = std::array<std::uint8_t, 24>;

Key key_of(std::uint32_t number, std::uint32_t size_bytes) {
    Key key{};
    std::memcpy(key.data(), &number, std::min<std::size_t>(sizeof number, size_bytes));
    if (size_bytes > sizeof number) { // so that the last byte counts
        key[size_bytes - 1] = static_cast<std::uint8_t>(3 * number);
        key[0] = 0;
    }
    return key;
}

spec::MapSpec hash_of(MapType type, std::uint32_t key_bytes) {
    spec::MapSpec map;
    map.name = "numbers";
    map.type = type;
    map.key_size_bytes = key_bytes;
    map.value_size_bytes = 16;
    map.max_entries = kEntries;
    map.flags = spec::kMapZeroSeed;
    return map;
}

// The context is the key. Answers the first eight bytes of the value.
verify::VerifiedProgram program_of(const spec::MapSpec& map) {
    auto assembled = assemble(R"(
        r2 = r1
        r1 = map_idx[0]
        call 1
        if r0 == 0 goto none
        r0 = *(u64 *)(r0 + 0)
        exit
    none:
        r0 = 7
        exit)");
    EXPECT_TRUE(assembled.ok());
    UncheckedOptions options;
    options.maps = {map};
    options.facts.resize(assembled->insns.size());
    for (verify::InsnFacts& facts : options.facts) {
        facts.map_index = 0; // only the look-up asks
    }
    return unchecked(assembled->insns, options);
}

std::unique_ptr<maps::Map> made(const spec::MapSpec& spec) {
    auto map = maps::make_map(spec, kCpus);
    EXPECT_TRUE(map.ok());
    return map.ok() ? std::move(*map) : nullptr;
}

int put(maps::Map& map, std::uint32_t number, std::uint32_t cpu = 0) {
    const Key key = key_of(number, map.spec().key_size_bytes);
    const std::array<std::uint64_t, 2> value{kNumber + number + cpu, number};
    return map.update(key.data(), reinterpret_cast<const std::uint8_t*>(value.data()), maps::kAny,
                      cpu);
}

std::uint64_t found(run::Executable& executable, const spec::MapSpec& spec, std::uint32_t number,
                    std::uint32_t cpu = 0) {
    Key context = key_of(number, spec.key_size_bytes);
    helpers::Invocation invocation;
    invocation.cpu = cpu;
    return executable.run(context.data(), invocation);
}

using Case = std::tuple<MapType, std::uint32_t>;
class HashLookUp : public testing::TestWithParam<Case> {};

TEST_P(HashLookUp, FindsEachKeyAndNothingElse) {
    const auto& [type, key_bytes] = GetParam();
    const spec::MapSpec spec = hash_of(type, key_bytes);
    const bool per_cpu = type == MapType::percpu_hash || type == MapType::lru_percpu_hash;
    const auto map = made(spec);
    for (std::uint32_t i = 0; i < kEntries; ++i) {
        for (std::uint32_t cpu = 0; cpu < kCpus; ++cpu) {
            ASSERT_EQ(put(*map, i, per_cpu ? cpu : 0), 0) << i;
        }
    }
    for (std::uint32_t i = 0; i < kEntries; i += 3) { // lanes that held another key
        const Key key = key_of(i, key_bytes);
        static_cast<void>(map->erase(key.data()));
    }
    const auto program = program_of(spec);
    for (const Engine& engine : engines()) {
        auto executable = engine.make(program, {{map.get()}, {}});
        ASSERT_TRUE(executable.ok()) << engine.name << ": " << executable.error().message;
        for (std::uint32_t i = 0; i < 2 * kEntries; ++i) {
            for (std::uint32_t cpu = 0; cpu < kCpus; ++cpu) {
                const Key key = key_of(i, key_bytes);
                const bool is_there = map->lookup(key.data(), cpu) != nullptr;
                EXPECT_EQ(found(**executable, spec, i, cpu),
                          is_there ? kNumber + i + (per_cpu ? cpu : 0) : kNone)
                    << engine.name << ", key " << i << ", cpu " << cpu;
            }
        }
    }
}

std::string name_of(const testing::TestParamInfo<Case>& one) {
    const auto& [type, bytes] = one.param;
    const char* name = type == MapType::hash          ? "Hash"
                       : type == MapType::percpu_hash ? "PerCpu"
                       : type == MapType::lru_hash    ? "Lru"
                                                      : "LruPerCpu";
    return name + std::to_string(bytes);
}

INSTANTIATE_TEST_SUITE_P(Maps, HashLookUp,
                         testing::Combine(testing::Values(MapType::hash, MapType::percpu_hash,
                                                          MapType::lru_hash,
                                                          MapType::lru_percpu_hash),
                                          testing::Values(1U, 3U, 4U, 6U, 8U, 9U, 12U, 16U, 20U)),
                         name_of);

// What an LRU map kept after the first keys were looked up, but every third, and others put.
std::vector<std::uint32_t> kept_by(const Engine* engine) {
    const spec::MapSpec spec = hash_of(MapType::lru_hash, 4);
    const auto map = made(spec);
    for (std::uint32_t i = 0; i < kEntries; ++i) {
        put(*map, i);
    }
    if (engine != nullptr) {
        auto executable = engine->make(program_of(spec), {{map.get()}, {}});
        EXPECT_TRUE(executable.ok());
        for (std::uint32_t i = 0; i < kEntries; ++i) {
            if (i % 3 != 0) {
                found(**executable, spec, i);
            }
        }
    }
    for (std::uint32_t i = 0; i < kEntries / 2; ++i) {
        put(*map, 1000 + i);
    }
    std::vector<std::uint32_t> kept;
    for (std::uint32_t i = 0; i < kEntries; ++i) {
        const Key key = key_of(i, 4);
        std::array<std::uint64_t, 2> value{};
        const MutableBytes bytes(reinterpret_cast<std::uint8_t*>(value.data()), sizeof value);
        if (map->read_user(key.data(), bytes, 0) == 0) {
            kept.push_back(i);
        }
    }
    return kept;
}

TEST(HashLookUpInLru, CountsAsUse) {
    const std::vector<std::uint32_t> wanted = kept_by(engines().data());
    EXPECT_NE(wanted, kept_by(nullptr)); // or the test says nothing
    for (const Engine& engine : engines()) {
        EXPECT_EQ(kept_by(&engine), wanted) << engine.name;
    }
}

TEST(HashLookUpBesideWriters, FindsWhatStays) {
    constexpr std::uint32_t kStays = kEntries / 2;
    constexpr std::uint32_t kRounds = 400;
    const spec::MapSpec spec = hash_of(MapType::hash, 12);
    const auto program = program_of(spec);
    for (const Engine& engine : engines()) {
        const auto map = made(spec);
        for (std::uint32_t i = 0; i < 2 * kStays; ++i) { // those that stay do not lie at home only
            put(*map, i ^ 1);
        }
        auto executable = engine.make(program, {{map.get()}, {}});
        ASSERT_TRUE(executable.ok());
        std::atomic<bool> done = false;
        std::thread writer([&] {
            for (std::uint32_t i = 0; !done.load(); i = (i + 2) % (2 * kStays)) {
                const Key key = key_of(i, 12); // the even ones come and go
                map->erase(key.data());
                put(*map, i);
            }
        });
        std::uint32_t wrong = 0;
        for (std::uint32_t round = 0; round < kRounds; ++round) {
            for (std::uint32_t i = 1; i < 2 * kStays; i += 2) {
                wrong += found(**executable, spec, i) == kNumber + i ? 0U : 1U;
            }
        }
        done = true;
        writer.join();
        EXPECT_EQ(wrong, 0U) << engine.name;
    }
}

std::size_t count_of(const run::jit::Image& image, run::jit::Referent referent) {
    return static_cast<std::size_t>(
        std::ranges::count(image.relocations, referent, &run::jit::Relocation::referent));
}

// Without an address of its process, and bound to nothing but such a map.
TEST(HashLookUpCode, TriesTheHomeLaneOfShortKeys) {
    if (!run::optimiser().ok()) {
        GTEST_SKIP() << "no optimising tier in this build";
    }
    for (const std::uint32_t key_bytes : {4U, 16U, 20U}) {
        const spec::MapSpec spec = hash_of(MapType::hash, key_bytes);
        const auto map = made(spec);
        const auto program = program_of(spec);
        const auto shapes = run::jit::map_shapes(program, {{map.get()}, {}});
        auto compiled = (*run::optimiser())->compile({.program = program, .shapes = shapes});
        ASSERT_TRUE(compiled.ok());
        const bool is_short = key_bytes <= maps::HomeLanes::kKeyMost;
        EXPECT_EQ(count_of(compiled->image, run::jit::Referent::home_lane) != 0, is_short);
        EXPECT_EQ(count_of(compiled->image, run::jit::Referent::lookup_function), 1U);
        const auto array = made([&] {
            spec::MapSpec other = spec;
            other.type = MapType::array;
            other.key_size_bytes = 4;
            other.flags = 0;
            return other;
        }());
        EXPECT_FALSE(run::jit::bind(compiled->image, {{array.get()}, {}}).ok());
    }
}

} // namespace
} // namespace skep::tests
