// SPDX-License-Identifier: Apache-2.0
//
// Loops, chance, clocks, tasks, printing a line, walking a map, maps in maps, redirects.
#include <cerrno>
#include <cstring>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "skep/helpers/testing/calls.hpp"
#include "skep/os/machine.hpp"

namespace skep::helpers {
namespace {

using testing::at;
using testing::call;
using testing::made;

// Stands for an engine: counts into the number that the callback's context points at.
std::uint64_t count_until(Invocation&, std::uint64_t stop_at, std::uint64_t, std::uint64_t counter,
                          std::uint64_t, std::uint64_t, std::uint64_t) {
    auto& count = *reinterpret_cast<std::uint64_t*>(counter);
    return ++count == stop_at ? 1 : 0;
}

TEST(Loop, CallsBackUntilToldToStop) {
    Invocation invocation;
    invocation.call_back = count_until;
    std::uint64_t count = 0;
    EXPECT_EQ(call(181, {10, 0, at(&count), 0}, invocation), 10);
    EXPECT_EQ(count, 10U);
    count = 0;
    EXPECT_EQ(call(181, {10, 4, at(&count), 0}, invocation), 4);
    EXPECT_EQ(call(181, {10, 0, at(&count), 1}, invocation), -EINVAL);
    EXPECT_EQ(call(181, {(1U << 23) + 1, 0, at(&count), 0}, invocation), -E2BIG);
    EXPECT_EQ(call(181, {0, 0, at(&count), 0}, invocation), 0);
}

std::uint64_t sum_values(Invocation&, std::uint64_t stop_at, std::uint64_t, std::uint64_t,
                         std::uint64_t value, std::uint64_t sum, std::uint64_t) {
    *reinterpret_cast<std::uint64_t*>(sum) += *reinterpret_cast<const std::uint32_t*>(value);
    return stop_at;
}

TEST(ForEachMapElement, VisitsEveryElement) {
    Invocation invocation;
    invocation.call_back = sum_values;
    for (const auto type :
         {spec::MapType::hash, spec::MapType::array, spec::MapType::percpu_hash}) {
        auto map = made(type, 4, 4, 3);
        for (std::uint32_t key = 0; key < 3; ++key) {
            map->update(reinterpret_cast<const std::uint8_t*>(&key),
                        reinterpret_cast<const std::uint8_t*>(&key), 0, 0);
        }
        std::uint64_t sum = 0;
        EXPECT_EQ(call(164, {at(map.get()), 0, at(&sum), 0}, invocation), 3);
        EXPECT_EQ(sum, 3U);
        EXPECT_EQ(call(164, {at(map.get()), 1, at(&sum), 0}, invocation), 1);
        EXPECT_EQ(call(164, {at(map.get()), 0, at(&sum), 1}, invocation), -EINVAL);
    }
}

TEST(MapsOfMaps, GiveTheMapThatTheirSlotNames) {
    auto outer = made(spec::MapType::array_of_maps, 4, 4, 2);
    auto inner = made(spec::MapType::array, 4, 4, 1);
    Services services;
    services.owner = inner.get();
    services.map_by_id = [](void* owner, std::uint32_t id) {
        return id == 5 ? static_cast<maps::Map*>(owner) : nullptr;
    };
    Invocation invocation;
    invocation.services = &services;
    const std::uint32_t key = 1;
    EXPECT_EQ(call(1, {at(outer.get()), at(&key)}, invocation), 0);
    for (const std::uint32_t id : {5U, 6U}) {
        outer->update(reinterpret_cast<const std::uint8_t*>(&key),
                      reinterpret_cast<const std::uint8_t*>(&id), 0, 0);
        EXPECT_EQ(static_cast<std::uint64_t>(call(1, {at(outer.get()), at(&key)}, invocation)),
                  id == 5 ? at(inner.get()) : 0);
    }
}

TEST(Chance, GivesDifferentNumbers) {
    Invocation invocation;
    std::set<std::int64_t> seen;
    for (int i = 0; i < 1000; ++i) {
        const std::int64_t number = call(7, {}, invocation);
        EXPECT_LE(number, 0xffffffff);
        seen.insert(number);
    }
    EXPECT_GT(seen.size(), 990U);
}

TEST(Clocks, RunForwardsAndCanBeTheHosts) {
    Invocation invocation;
    for (const std::uint32_t clock : {5U, 118U, 125U, 160U, 208U}) {
        const std::int64_t first = call(clock, {}, invocation);
        EXPECT_GT(first, 0) << clock;
        EXPECT_GE(call(clock, {}, invocation), first) << clock;
    }
    Services services;
    services.clock_ns = [](void*, int clock_id) {
        return std::uint64_t{1000} + static_cast<unsigned>(clock_id);
    };
    invocation.services = &services;
    EXPECT_EQ(call(5, {}, invocation), 1001);
    EXPECT_EQ(call(125, {}, invocation), 1007);
}

TEST(Task, IsTheProcessThatRunsTheProgram) {
    Invocation invocation;
    invocation.cpu = 3;
    EXPECT_EQ(call(8, {}, invocation), 3);
    EXPECT_EQ(static_cast<std::uint64_t>(call(14, {}, invocation)) >> 32, os::process_id());
    char name[16] = {1};
    EXPECT_EQ(call(16, {at(name), 4}, invocation), 0);
    EXPECT_EQ(std::strlen(name), 3U);
}

TEST(Trace, HandsOverOneLineWithoutItsNewline) {
    static std::string line; // captured by a plain function
    Services services;
    services.trace = [](void*, Invocation&, const char* text, std::uint32_t size) {
        line.assign(text, size);
    };
    Invocation invocation;
    invocation.services = &services;
    const char text[] = "packet %d from %x\n";
    EXPECT_EQ(call(6, {at(text), sizeof text, 7, 0xab}, invocation), 17);
    EXPECT_EQ(line, "packet 7 from ab");
    EXPECT_EQ(call(6, {at(text), 6, 7, 0xab}, invocation), -EINVAL); // no zero inside
    const std::uint64_t arguments[] = {1, 2, 3, 4};
    const char four[] = "%d%d%d%d";
    EXPECT_EQ(call(6, {at(four), sizeof four, 1, 2, 3}, invocation), -EINVAL);
    EXPECT_EQ(call(177, {at(four), sizeof four, at(arguments), 32}, invocation), 4);
    EXPECT_EQ(line, "1234");
    EXPECT_EQ(call(177, {at(four), sizeof four, at(arguments), 31}, invocation), -EINVAL);
}

TEST(PerfEvents, SayWhyNothingWasWritten) {
    auto map = made(spec::MapType::perf_event_array, 4, 4, 2);
    Invocation invocation;
    invocation.cpu = 1;
    constexpr std::uint64_t kCurrent = 0xffffffff;
    EXPECT_EQ(call(25, {0, at(map.get()), kCurrent, 0, 0}, invocation), -ENOENT);
    EXPECT_EQ(call(25, {0, at(map.get()), 2, 0, 0}, invocation), -E2BIG);
    EXPECT_EQ(call(25, {0, at(map.get()), std::uint64_t{1} << 63, 0, 0}, invocation), -EINVAL);
}

TEST(Redirects, AnswerByTheTypeOfTheProgram) {
    auto map = made(spec::MapType::devmap, 4, 4, 4);
    const std::uint32_t key = 1;
    const std::uint32_t device = 9;
    map->update(reinterpret_cast<const std::uint8_t*>(&key),
                reinterpret_cast<const std::uint8_t*>(&device), 0, 0);
    Invocation invocation;
    invocation.program_type = spec::ProgramType::xdp;
    EXPECT_EQ(call(23, {3, 0}, invocation), 4);
    EXPECT_EQ(invocation.redirect.index, 3U);
    EXPECT_EQ(call(23, {3, 1}, invocation), 0);
    EXPECT_EQ(call(51, {at(map.get()), 1, 0}, invocation), 4);
    EXPECT_EQ(invocation.redirect.map, map.get());
    EXPECT_EQ(call(51, {at(map.get()), 2, 2}, invocation), 2);
    EXPECT_EQ(call(51, {at(map.get()), 1, 4}, invocation), 0);
    EXPECT_EQ(call(51, {at(map.get()), 2, 8}, invocation), 4);
    invocation.program_type = spec::ProgramType::sched_cls;
    EXPECT_EQ(call(23, {3, 1}, invocation), 7);
    EXPECT_EQ(call(23, {3, 2}, invocation), 2);
}

} // namespace
} // namespace skep::helpers
