// SPDX-License-Identifier: Apache-2.0
#include "skep/os/process/thread.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

#include "skep/os/sharing/child.hpp"

namespace skep::os {
namespace {

TEST(Thread, RunsWhatItIsGiven) {
    bool ran = false;
    auto thread = start_thread([&ran] { ran = true; });
    ASSERT_TRUE(thread.ok());
    thread->join();
    EXPECT_TRUE(ran);
}

TEST(Thread, ThatFindsNoRoomIsAnErrorAndNoEndOfTheProcess) {
    constexpr int kNoLimit = 77;
    const int child = fork_and_run([] {
        std::_Exit(!give_up_threads() ? kNoLimit : start_thread([] {}).ok() ? 1 : 0);
    });
    ASSERT_GT(child, 0);
    const int status = wait_for(child);
    if (status == kNoLimit) {
        GTEST_SKIP() << "this user's rights cannot be limited";
    }
    EXPECT_EQ(status, 0) << "1: there was room for a thread; above 128: a signal";
}

} // namespace
} // namespace skep::os
