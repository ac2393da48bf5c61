// SPDX-License-Identifier: Apache-2.0
#include "skep/os/storage/private_directory.hpp"

#include <filesystem>

#include <gtest/gtest.h>

namespace skep::os {
namespace {

namespace fs = std::filesystem;

class PrivateDirectory : public testing::Test {
  protected:
    void SetUp() override { root_ = make_temporary_directory("skep-test").value(); }
    void TearDown() override { remove_directory(root_); }
    std::string root_;
};

TEST_F(PrivateDirectory, IsMadeClosedToOthersWithItsParent) {
    const std::string path = root_ + "/skep/bpf";
    ASSERT_TRUE(ensure_private_directory(path, Parent::make).ok());
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all);
    EXPECT_TRUE(ensure_private_directory(path, Parent::make).ok());
}

TEST_F(PrivateDirectory, IsRefusedWhenOthersMayEnterOrWhenItIsALink) {
    fs::create_directory(root_ + "/open");
    fs::permissions(root_ + "/open", fs::perms::all);
    EXPECT_EQ(ensure_private_directory(root_ + "/open", Parent::must_exist).error().code,
              Code::access_denied);
    ASSERT_TRUE(ensure_private_directory(root_ + "/real", Parent::must_exist).ok());
    fs::create_directory_symlink(root_ + "/real", root_ + "/link");
    EXPECT_EQ(ensure_private_directory(root_ + "/link", Parent::must_exist).error().code,
              Code::access_denied);
}

} // namespace
} // namespace skep::os
