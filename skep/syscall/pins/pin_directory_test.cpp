// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/pins/pin_directory.hpp"

#include <cerrno>
#include <filesystem>

#include <gtest/gtest.h>

#include "skep/os/storage/private_directory.hpp"

namespace skep::syscall {
namespace {

class Pins : public testing::Test {
  protected:
    void SetUp() override { root_ = os::make_temporary_directory("skep-test").value(); }
    void TearDown() override { os::remove_directory(root_); }
    [[nodiscard]] PinDirectory pins() const { return PinDirectory(root_ + "/bpf"); }
    std::string root_;
};

TEST_F(Pins, APathBelowTheKernelsDirectoryMeansTheSameBelowOurs) {
    EXPECT_EQ(pins().real_path("/sys/fs/bpf/a").value(), root_ + "/bpf/a");
    EXPECT_EQ(pins().real_path("/sys/fs/bpf").value(), root_ + "/bpf");
    EXPECT_EQ(pins().real_path("/sys/fs/bpfx").value(), "/sys/fs/bpfx");
    EXPECT_TRUE(pins().create("/sys/fs/bpf/a").ok());
    EXPECT_TRUE(std::filesystem::exists(root_ + "/bpf/a"));
    EXPECT_EQ(errno_of(pins().create("/sys/fs/bpf/a").error()), EEXIST);
    EXPECT_TRUE(pins().open(root_ + "/bpf/a").ok());
}

TEST_F(Pins, NamesWithDotsAndOtherPlacesAreRefusedAsOnABpfFileSystem) {
    EXPECT_EQ(errno_of(pins().create("/sys/fs/bpf/a.b").error()), EPERM);
    EXPECT_EQ(errno_of(pins().open("/sys/fs/bpf/a.b").error()), EPERM);
    EXPECT_EQ(errno_of(pins().create("/sys/fs/bpf/z.z/y").error()), EPERM);
    EXPECT_EQ(errno_of(pins().create(root_ + "/elsewhere").error()), EPERM);
    EXPECT_EQ(errno_of(pins().create("/sys/fs/bpf/none/y").error()), ENOENT);
    EXPECT_EQ(errno_of(pins().create("").error()), ENOENT);
    EXPECT_EQ(errno_of(pins().open("/sys/fs/bpf/nothing").error()), ENOENT);
    EXPECT_EQ(errno_of(pins().create("/sys/fs/bpf/../elsewhere").error()), EPERM);
}

} // namespace
} // namespace skep::syscall
