// SPDX-License-Identifier: Apache-2.0
#include "skep/load/object.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "skep/btf/builder.hpp"
#include "skep/btf/check/kernel.hpp"
#include "skep/bytecode/unresolved.hpp"

namespace skep::load {
namespace {

using testing::HasSubstr;

std::filesystem::path shared_folder() {
    const char* given = std::getenv("SKEP_SHARED");
    return given != nullptr ? std::filesystem::path(given)
                            : std::filesystem::path(SKEP_SOURCE_DIR) / "../shared";
}

ByteVector file_bytes(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Result<ObjectSpec> load_golden(const std::string& name, const Options& options = {}) {
    return load_object(file_bytes(shared_folder() / "golden/obj" / (name + ".bpf.o")),
                       name + ".bpf.o", options);
}

class Golden : public testing::Test {
  protected:
    void SetUp() override {
        if (!std::filesystem::exists(shared_folder() / "golden/obj")) {
            GTEST_SKIP() << "no golden objects beside the project; SKEP_SHARED names their folder";
        }
    }
};

const ObjectMap* map_named(const ObjectSpec& spec, std::string_view name) {
    const auto found = std::find_if(spec.maps.begin(), spec.maps.end(),
                                    [name](const ObjectMap& map) { return map.spec.name == name; });
    return found == spec.maps.end() ? nullptr : &*found;
}

TEST_F(Golden, HelloHasOneProgramAndTwoDataMaps) {
    const auto spec = load_golden("hello");
    ASSERT_TRUE(spec.ok()) << spec.error().message;
    ASSERT_EQ(spec->programs.size(), 1U);
    EXPECT_EQ(spec->programs[0].spec.name, "hello");
    EXPECT_EQ(spec->programs[0].spec.type, spec::ProgramType::xdp);
    EXPECT_EQ(spec->programs[0].spec.expected_attach_type, 37U);
    EXPECT_EQ(spec->license, "GPL");
    ASSERT_EQ(spec->maps.size(), 2U);
    EXPECT_NE(map_named(*spec, "hello.bss"), nullptr);
    const ObjectMap* constants = map_named(*spec, "hello.rodata");
    ASSERT_NE(constants, nullptr);
    EXPECT_EQ(constants->spec.flags, 0x480U);
    EXPECT_EQ(std::string(constants->initial_value.begin(), constants->initial_value.end() - 1),
              "packet number %d");
    EXPECT_FALSE(spec->programs[0].spec.lines.empty());
    EXPECT_TRUE(spec->warnings.empty()) << spec->warnings.front();
}

TEST_F(Golden, WhatTheTargetLacksIsSaidOnceForEachType) {
    btf::Builder nothing;
    nothing.integer("int", 4);
    const btf::Btf target = nothing.build().value();
    Options options;
    options.target_btf = &target;
    const auto spec = load_golden("core", options);
    ASSERT_TRUE(spec.ok()) << spec.error().message;
    // Three fields of one structure.
    ASSERT_EQ(spec->warnings.size(), 1U);
    EXPECT_THAT(spec->warnings.front(), HasSubstr("the target's 'task_struct' lacks what 3 "));
    const auto unresolved = std::ranges::count(spec->programs[0].spec.insns, kUnresolvedInsn.imm,
                                               [](const RawInsn& insn) { return insn.imm; });
    EXPECT_EQ(unresolved, 3);
}

TEST_F(Golden, MapsAreReadFromTheirTypes) {
    const auto spec = load_golden("maps");
    ASSERT_TRUE(spec.ok()) << spec.error().message;
    const ObjectMap* flows = map_named(*spec, "flows");
    ASSERT_NE(flows, nullptr);
    EXPECT_EQ(flows->spec.key_size_bytes, 12U);
    EXPECT_EQ(flows->spec.value_size_bytes, 40U);
    EXPECT_EQ(flows->spec.max_entries, 16U);
    const ObjectMap* outer = map_named(*spec, "outer");
    ASSERT_NE(outer, nullptr);
    ASSERT_NE(outer->spec.inner, nullptr);
    EXPECT_EQ(outer->spec.inner->max_entries, 2U);
    ASSERT_EQ(outer->initial_slots.size(), 1U);
    EXPECT_EQ(spec->maps[outer->initial_slots[0].target].spec.name, "inner0");
}

TEST_F(Golden, ProgramArraysNameTheirPrograms) {
    const auto spec = load_golden("tail");
    ASSERT_TRUE(spec.ok()) << spec.error().message;
    ASSERT_EQ(spec->maps.size(), 1U);
    ASSERT_EQ(spec->maps[0].initial_slots.size(), 2U);
    EXPECT_EQ(spec->maps[0].initial_slots[0].index, 1U);
    EXPECT_EQ(spec->programs[spec->maps[0].initial_slots[0].target].spec.name, "stage_two");
}

// clang 14 lists them under .rodata, where they are not or which is not there at all.
TEST(Load, ConstantsOfOldCompilersLeaveTypesThatTheKernelTakes) {
    for (const char* name : {"constants.bpf.o", "constants_alone.bpf.o"}) {
        const auto bytes =
            file_bytes(std::filesystem::path(SKEP_SOURCE_DIR) / "tests/objects/obj" / name);
        const auto spec = load_object(bytes, name, {});
        ASSERT_TRUE(spec.ok()) << spec.error().message;
        const auto taken = btf::parse_for_kernel(spec->types->bytes());
        EXPECT_TRUE(taken.ok()) << name << ": " << taken.error().message;
        EXPECT_FALSE(spec->programs[0].spec.lines.empty());
    }
}

TEST_F(Golden, AllOfThemOpenOrSayWhyNot) {
    for (const auto& entry : std::filesystem::directory_iterator(shared_folder() / "golden/obj")) {
        const auto spec =
            load_object(file_bytes(entry.path()), entry.path().filename().string(), {});
        if (!spec.ok()) {
            EXPECT_THAT(spec.error().message,
                        testing::AnyOf(HasSubstr("defined nowhere"), HasSubstr("kernel BTF")))
                << entry.path();
        }
    }
}

TEST_F(Golden, CutBeforeItsSectionTableSaysWhere) {
    ByteVector cut = file_bytes(shared_folder() / "golden/obj/hello.bpf.o");
    ASSERT_GT(cut.size(), 1500U);
    cut.resize(1500);
    const auto spec = load_object(cut, "cut.o", {});
    ASSERT_FALSE(spec.ok());
    EXPECT_THAT(spec.error().message, HasSubstr("section table"));
    EXPECT_THAT(spec.error().message, HasSubstr("1500"));
}

TEST_F(Golden, SurviveRandomDamage) {
    std::mt19937 random(1); // NOLINT: the same each time
    const char* rounds = std::getenv("SKEP_MUTATIONS");
    const int count = rounds != nullptr ? std::atoi(rounds) : 40;
    for (const auto& entry : std::filesystem::directory_iterator(shared_folder() / "golden/obj")) {
        const ByteVector whole = file_bytes(entry.path());
        for (int i = 0; i < count; ++i) {
            ByteVector damaged = whole;
            const auto changes = 1 + random() % 8;
            for (unsigned change = 0; change < changes; ++change) {
                damaged[random() % damaged.size()] =
                    static_cast<std::uint8_t>(random() % 3 == 0 ? 0xff : random());
            }
            if (random() % 4 == 0) {
                damaged.resize(random() % damaged.size());
            }
            const auto spec = load_object(damaged, "damaged.o", {});
            EXPECT_TRUE(spec.ok() || !spec.error().message.empty());
        }
    }
}

} // namespace
} // namespace skep::load
