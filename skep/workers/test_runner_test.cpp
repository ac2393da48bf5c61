// SPDX-License-Identifier: Apache-2.0
#include "skep/workers/test_runner.hpp"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace skep::workers {
namespace {

TEST(TestRunner, RunsOneAfterAnotherOnItsOwnThread) {
    auto runner = TestRunner::make();
    ASSERT_TRUE(runner.ok());
    std::atomic<int> runs = 0;
    std::atomic<bool> is_elsewhere = true;
    const auto here = std::this_thread::get_id();
    for (int i = 0; i < 3; ++i) {
        (*runner)->start([&] {
            is_elsewhere = is_elsewhere && std::this_thread::get_id() != here;
            ++runs;
        });
    }
    while ((*runner)->is_busy()) {
        std::this_thread::yield();
    }
    EXPECT_EQ(runs, 3);
    EXPECT_TRUE(is_elsewhere);
}

// In a child, which gives up its rights: root has room always.
TEST(TestRunner, WithoutRoomForItsThreadIsAnErrorAndNoEndOfTheWorker) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        const rlimit none{0, 0};
        const bool is_limited = ::setrlimit(RLIMIT_NPROC, &none) == 0 &&
                                (::getuid() != 0 || ::setresuid(65534, 65534, 65534) == 0);
        ::_exit(!is_limited ? 2 : TestRunner::make().ok() ? 1 : 0);
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
} // namespace skep::workers
