// SPDX-License-Identifier: Apache-2.0
#include "skep/os/sharing/writable_mappings.hpp"

#include <array>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "skep/os/memory.hpp"

namespace skep::os {
namespace {

TEST(WritableMappings, AreFoundInThisProcessAndOthersAndGoWhenTheyAreUnmapped) {
    const std::size_t size = page_size();
    const Fd file = make_memfd("test", size).value();
    const FileIdentity identity = identity_of(file.number()).value();
    EXPECT_FALSE(is_mapped_to_write(identity, {}, nullptr));
    const Mapping reads = Mapping::of(file, size, Protection::read_only).value();
    EXPECT_FALSE(is_mapped_to_write(identity, {}, nullptr));
    {
        const Mapping writes = Mapping::of(file, size, Protection::read_write).value();
        EXPECT_TRUE(is_mapped_to_write(identity, {}, nullptr));
        EXPECT_FALSE(is_mapped_to_write(identity, {}, writes.data())) << "our own is left out";
        const Mapping again = Mapping::of(file, size, Protection::read_write).value();
        EXPECT_TRUE(is_mapped_to_write(identity, {}, writes.data())) << "but not a second one";
    }
    EXPECT_FALSE(is_mapped_to_write(identity, {}, nullptr));
}

TEST(WritableMappings, AChildKeepsWhatItInherited) {
    const std::size_t size = page_size();
    const Fd file = make_memfd("test", size).value();
    const FileIdentity identity = identity_of(file.number()).value();
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    pid_t child = 0;
    {
        const Mapping writes = Mapping::of(file, size, Protection::read_write).value();
        child = ::fork();
        if (child == 0) {
            char byte = 0;
            ::close(pipe_ends[1]);
            [[maybe_unused]] const auto end = ::read(pipe_ends[0], &byte, 1);
            ::_exit(0);
        }
    }
    EXPECT_TRUE(is_mapped_to_write(identity, {}, nullptr));
    const std::array<int, 1> known{child};
    EXPECT_FALSE(is_mapped_to_write(identity, known, nullptr));
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
    ::waitpid(child, nullptr, 0);
    EXPECT_FALSE(is_mapped_to_write(identity, {}, nullptr));
}

} // namespace
} // namespace skep::os
