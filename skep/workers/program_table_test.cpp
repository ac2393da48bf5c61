// SPDX-License-Identifier: Apache-2.0
//
// Programs and maps by id: binding, running, counting, and lookups while things come and go.
#include "skep/workers/program_table.hpp"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/verify/verify.hpp"
#include "skep/workers/profile.hpp"

namespace skep::workers {
namespace {

std::shared_ptr<const verify::VerifiedProgram>
verified(const std::string& text, const std::vector<spec::MapSpec>& maps = {}) {
    ProgramSpec program;
    program.type = spec::ProgramType::socket_filter;
    program.license = "GPL";
    program.insns = assemble(text).value().insns;
    verify::Environment environment;
    environment.maps = maps;
    auto outcome = verify::verify(program, environment);
    EXPECT_TRUE(outcome.program.has_value()) << outcome.message;
    return std::make_shared<const verify::VerifiedProgram>(std::move(*outcome.program));
}

spec::MapSpec array(std::uint32_t value_bytes = 8) {
    spec::MapSpec map;
    map.type = spec::MapType::array;
    map.key_size_bytes = 4;
    map.value_size_bytes = value_bytes;
    map.max_entries = 1;
    return map;
}

std::uint64_t answer(run::Executable& program, const ProgramTable& table) {
    helpers::Invocation invocation;
    invocation.services = &table.services();
    return program.run(nullptr, invocation);
}

TEST(ProgramTable, AProgramRunsUnderItsIdUntilItIsRemoved) {
    ProgramTable table(nullptr, nullptr);
    EXPECT_EQ(table.entry(7), nullptr);
    ASSERT_TRUE(table.add_program(7, verified("r0 = 42\nexit"), {}).ok());
    ASSERT_NE(table.entry(7), nullptr);
    EXPECT_EQ(answer(*table.entry(7), table), 42U);
    EXPECT_NE(table.verified(7), nullptr);
    table.remove_program(7);
    EXPECT_EQ(table.entry(7), nullptr);
    EXPECT_EQ(table.verified(7), nullptr);
    EXPECT_TRUE(table.maps_of(7).empty());
    table.reclaim();
}

TEST(ProgramTable, WhatWasRemovedCanStillBeRunUntilItIsReclaimed) {
    ProgramTable table(nullptr, nullptr);
    ASSERT_TRUE(table.add_program(1, verified("r0 = 1\nexit"), {}).ok());
    run::Executable* running = table.entry(1);
    table.remove_program(1);
    EXPECT_EQ(answer(*running, table), 1U);
    ASSERT_TRUE(table.add_program(1, verified("r0 = 2\nexit"), {}).ok());
    EXPECT_EQ(answer(*running, table), 1U);
    EXPECT_EQ(answer(*table.entry(1), table), 2U);
    table.reclaim();
    EXPECT_EQ(answer(*table.entry(1), table), 2U);
}

TEST(ProgramTable, AProgramIsBoundToTheMapsItNames) {
    ProgramTable table(nullptr, nullptr);
    const auto program = verified("r1 = map_idx[0]\nr0 = 0\nexit", {array()});
    EXPECT_EQ(table.add_program(1, program, {3}).error().code, Code::not_found);
    EXPECT_EQ(table.add_program(1, program, {}).error().code, Code::invalid_input);
    ASSERT_TRUE(table.add_map(3, std::move(maps::make_map(array(), 1).value())).ok());
    ASSERT_TRUE(table.add_program(1, program, {3}).ok());
    ASSERT_EQ(table.maps_of(1).size(), 1U);
    EXPECT_TRUE(table.has_map(3));
    table.remove_map(3);
    EXPECT_FALSE(table.has_map(3));
    EXPECT_EQ(answer(*table.entry(1), table), 0U);
    EXPECT_EQ(table.maps_of(1)[0]->spec().value_size_bytes, 8U); // alive until reclaimed
}

TEST(ProgramTable, IdsBeyondWhatAProcessCanHoldAreRefused) {
    ProgramTable table(nullptr, nullptr);
    constexpr std::uint32_t kTooLarge = 1U << 30;
    EXPECT_EQ(table.add_program(kTooLarge, verified("r0 = 0\nexit"), {}).error().code,
              Code::no_space);
    EXPECT_EQ(table.add_map(kTooLarge, std::move(maps::make_map(array(), 1).value())).error().code,
              Code::no_space);
    EXPECT_EQ(table.entry(kTooLarge), nullptr);
    table.remove_program(kTooLarge);
    table.remove_map(kTooLarge);
}

TEST(ProgramTable, RunsAreCountedWhileSomebodyWantsToKnow) {
    const RunStats stats = std::move(RunStats::create().value());
    ProgramTable table(nullptr, &stats);
    ASSERT_TRUE(table.add_program(5, verified("r0 = 0\nexit"), {}).ok());
    answer(*table.entry(5), table);
    stats.set_counting(true);
    answer(*table.entry(5), table);
    answer(*table.entry(5), table);
    stats.set_counting(false);
    answer(*table.entry(5), table);
    EXPECT_EQ(stats.runs_of(5).runs, 2U);
}

TEST(ProgramTable, ProfilesOfAProgramFollowEachOtherInOneMemory) {
    ProgramTable table(nullptr, nullptr);
    ASSERT_TRUE(table.add_program(5, verified("r0 = 3\nexit"), {}).ok());
    const os::Fd memory = std::move(ProfileCounts::create(2).value());
    const ProfileCounts counts =
        std::move(ProfileCounts::open(memory, 2, os::Protection::read_only).value());
    for (std::uint64_t profile = 1; profile <= 3; ++profile) {
        ASSERT_TRUE(table.start_profile(5, memory).ok());
        ASSERT_TRUE(table.start_profile(5, memory).ok()); // a second one changes nothing
        EXPECT_EQ(answer(*table.entry(5), table), 3U);
        table.stop_profile(5);
        EXPECT_EQ(answer(*table.entry(5), table), 3U); // machine code, which counts nothing
        EXPECT_EQ(counts.runs().load(), profile);
        EXPECT_EQ(counts.insns()[1].load(), profile);
    }
    table.remove_program(5);
    table.stop_profile(5);
    EXPECT_EQ(table.start_profile(5, memory).error().code, Code::not_found);
}

TEST(ProgramTable, AnyThreadMayLookUpWhileProgramsComeAndGo) {
    ProgramTable table(nullptr, nullptr);
    constexpr std::uint32_t kIds = 8;
    std::atomic<bool> done = false;
    std::atomic<std::uint64_t> wrong = 0;
    std::vector<std::thread> readers;
    for (int reader = 0; reader < 2; ++reader) {
        readers.emplace_back([&] {
            while (!done) {
                for (std::uint32_t id = 0; id < kIds; ++id) {
                    if (run::Executable* program = table.entry(id); program != nullptr) {
                        wrong += answer(*program, table) == id ? 0 : 1;
                    }
                }
            }
        });
    }
    for (std::uint32_t round = 0; round < 40; ++round) {
        const std::uint32_t id = round % kIds;
        table.remove_program(id);
        EXPECT_TRUE(
            table.add_program(id, verified("r0 = " + std::to_string(id) + "\nexit"), {}).ok());
    }
    done = true;
    for (std::thread& reader : readers) {
        reader.join();
    }
    table.reclaim();
    EXPECT_EQ(wrong, 0U);
}

} // namespace
} // namespace skep::workers
