// SPDX-License-Identifier: Apache-2.0
//
// TestRunner: a worker's second thread, on which test runs happen, so that the first one goes on
// taking orders: a run that takes long meets programs and maps that came meanwhile, as it would in
// the kernel.
//
// One run at a time; it is started and asked about by the first thread alone. While a run is under
// way nothing that it may hold is freed (ProgramTable::reclaim).
//
// Proved by: test_runner_test.cpp, tests/journeys/run_busy.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "skep/base/result.hpp"

namespace skep::workers {

class TestRunner {
  public:
    // When the thread is ready to run anything; fails where there is no room for one.
    static Result<std::unique_ptr<TestRunner>> make();
    // There is no way to stop a run: with one under way, this ends the process.
    ~TestRunner();
    TestRunner(const TestRunner&) = delete;
    TestRunner& operator=(const TestRunner&) = delete;

    [[nodiscard]] bool is_busy() const { return busy_.load(std::memory_order_acquire); }
    // On the second thread, after the run before it; busy until it returns.
    void start(std::function<void()> run);

  private:
    TestRunner() = default;
    void work();

    std::mutex lock_;
    std::condition_variable changed_;
    std::function<void()> run_;               // to be started
    std::unique_ptr<std::byte> first_memory_; // of the thread; a member, or it would be left out
    bool ready_ = false;
    bool stopping_ = false;
    std::atomic<bool> busy_ = false;
    std::thread thread_;
};

} // namespace skep::workers
