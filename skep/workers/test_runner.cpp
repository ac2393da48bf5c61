// SPDX-License-Identifier: Apache-2.0
#include "skep/workers/test_runner.hpp"

#include <cstdlib>
#include <memory>
#include <utility>

#include "skep/os/guard/faults.hpp"
#include "skep/os/process/thread.hpp"

namespace skep::workers {

Result<std::unique_ptr<TestRunner>> TestRunner::make() {
    std::unique_ptr<TestRunner> runner(new TestRunner);
    TestRunner* const self = runner.get();
    auto thread = os::start_thread([self] { self->work(); });
    if (!thread.ok()) {
        return std::move(thread).error();
    }
    runner->thread_ = std::move(*thread);
    std::unique_lock guard(runner->lock_);
    runner->changed_.wait(guard, [self] { return self->ready_; });
    guard.unlock();
    return runner;
}

TestRunner::~TestRunner() {
    if (is_busy()) {
        std::_Exit(0);
    }
    {
        const std::lock_guard guard(lock_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void TestRunner::start(std::function<void()> run) {
    {
        std::unique_lock guard(lock_);
        // The last run may have reported and not quite returned.
        changed_.wait(guard, [this] { return !is_busy(); });
        busy_.store(true, std::memory_order_release);
        run_ = std::move(run);
    }
    changed_.notify_all();
}

void TestRunner::work() {
    // What a thread needs of the system once is asked for before the worker is confined: a stack
    // for faults, and the allocator's first memory for this thread.
    const auto stack = os::AlternateStack::install();
    first_memory_ = std::make_unique<std::byte>();
    std::unique_lock guard(lock_);
    ready_ = true;
    changed_.notify_all();
    while (true) {
        changed_.wait(guard, [this] { return stopping_ || run_; });
        if (stopping_) {
            return;
        }
        const std::function<void()> run = std::exchange(run_, nullptr);
        guard.unlock();
        run();
        guard.lock();
        busy_.store(false, std::memory_order_release);
        changed_.notify_all();
    }
}

} // namespace skep::workers
