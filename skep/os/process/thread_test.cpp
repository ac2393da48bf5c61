// SPDX-License-Identifier: Apache-2.0
#include "skep/os/process/thread.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace skep::os {
namespace {

TEST(Thread, RunsWhatItIsGiven) {
    bool ran = false;
    auto thread = start_thread([&ran] { ran = true; });
    ASSERT_TRUE(thread.ok());
    thread->join();
    EXPECT_TRUE(ran);
}

// In a child, which gives up its rights: root has room always.
TEST(Thread, ThatFindsNoRoomIsAnErrorAndNoEndOfTheProcess) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        const rlimit none{0, 0};
        const bool is_limited = ::setrlimit(RLIMIT_NPROC, &none) == 0 &&
                                (::getuid() != 0 || ::setresuid(65534, 65534, 65534) == 0);
        const auto thread = start_thread([] {});
        ::_exit(!is_limited ? 2 : thread.ok() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status)) << "it was ended by signal " << WTERMSIG(status);
    if (WEXITSTATUS(status) == 2) {
        GTEST_SKIP() << "this user's rights cannot be limited";
    }
    EXPECT_EQ(WEXITSTATUS(status), 0) << "there was room for a thread";
}

} // namespace
} // namespace skep::os
