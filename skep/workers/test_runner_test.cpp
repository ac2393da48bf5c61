// SPDX-License-Identifier: Apache-2.0
#include "skep/workers/test_runner.hpp"

#include <atomic>
#include <cstdlib>
#include <thread>

#include <gtest/gtest.h>

#include "skep/os/sharing/child.hpp"

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

TEST(TestRunner, WithoutRoomForItsThreadIsAnErrorAndNoEndOfTheWorker) {
    constexpr int kNoLimit = 77;
    const int child = os::fork_and_run([] {
        std::_Exit(!os::give_up_threads() ? kNoLimit : TestRunner::make().ok() ? 1 : 0);
    });
    ASSERT_GT(child, 0);
    const int status = os::wait_for(child);
    if (status == kNoLimit) {
        GTEST_SKIP() << "this user's rights cannot be limited";
    }
    EXPECT_EQ(status, 0) << "1: there was room for a thread; above 128: a signal";
}

} // namespace
} // namespace skep::workers
