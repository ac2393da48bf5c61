// SPDX-License-Identifier: Apache-2.0
#include "skep/run/code/perf_map.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "skep/os/machine.hpp"

namespace skep::run::code {
namespace {

const std::array<std::uint8_t, 64> kCode{};
const std::array<std::string, 2> kNames{"bpf_prog_1_main", "odd\nname"};

CodeListing two_functions() { return {kCode, 0x7f0000001000, {}, {0, 48}}; }

TEST(PerfMap, NamesEverySubprogramOnALineOfItsOwn) {
    EXPECT_EQ(perf_map_lines(two_functions(), kNames),
              "7f0000001000 30 bpf_prog_1_main\n7f0000001030 10 odd?name\n");
}

TEST(PerfMap, IsAppendedToAndNeverThroughALink) {
    const std::string folder = testing::TempDir() + "skep_perf_map";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directory(folder);
    const std::string path = fmt::format("{}/perf-{}.map", folder, os::process_id());
    ASSERT_TRUE(add_to_perf_map(two_functions(), kNames, folder).ok());
    ASSERT_TRUE(add_to_perf_map(two_functions(), kNames, folder).ok());
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    EXPECT_EQ(text,
              perf_map_lines(two_functions(), kNames) + perf_map_lines(two_functions(), kNames));
    std::filesystem::rename(path, path + ".elsewhere");
    std::filesystem::create_symlink(path + ".elsewhere", path);
    EXPECT_FALSE(add_to_perf_map(two_functions(), kNames, folder).ok());
    std::filesystem::remove_all(folder);
}

} // namespace
} // namespace skep::run::code
