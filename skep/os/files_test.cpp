// SPDX-License-Identifier: Apache-2.0
#include "skep/os/files.hpp"

#include <filesystem>

#include <gtest/gtest.h>

namespace skep::os {
namespace {

TEST(Files, WhatIsWrittenIsReadWithinTheBound) {
    const std::string path = testing::TempDir() + "skep_files_test";
    const ByteVector bytes(100'000, 42);
    ASSERT_TRUE(write_file(path, bytes).ok());
    EXPECT_EQ(read_file(path).value(), bytes);
    EXPECT_EQ(read_file(path, 99'999).error().code, Code::too_big);
    std::filesystem::remove(path);
    EXPECT_EQ(read_file(path).error().code, Code::not_found);
}

TEST(Files, AbsolutePathsAreTidy) {
    EXPECT_EQ(absolute_path("/a/./b/../c").value(), "/a/c");
    EXPECT_EQ(absolute_path("x").value(), (std::filesystem::current_path() / "x").string());
}

} // namespace
} // namespace skep::os
