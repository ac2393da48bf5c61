// SPDX-License-Identifier: Apache-2.0
//
// Tiered: a program that begins with one-pass code and goes on with optimised code.
//
// Running is data plane. Until the program has run often enough its runs are counted; then it is
// handed to a thread that compiles in the background. When the optimised code is in its place, one
// atomic store makes every later run take it; runs that are under way end in the old code, which is
// freed when the last of them has left it. From then on a run costs one load more than optimised
// code alone.
//
//   run:  optimised? ──yes──▶ run it
//            │ no
//            ▼
//         enter (count the run in), ask again, run one-pass code, leave
//
// Compiling is bounded: a queue of kQueueMost programs, one at a time, programs of at most
// kInsnsMost slots, a time after which the optimiser skips what it need not do, and a time and an
// amount of memory at which the compile is given up. It happens in a process of its own
// (compiler_process.hpp). What is not taken, or cannot be compiled, stays one-pass code and says
// why: nothing is waited for, neither while programs run nor when they go away.
//
// Proved by: tests/jit/tiered_test.cpp.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "skep/os/process/wait.hpp"
#include "skep/run/executable.hpp"
#include "skep/run/optimised/compiler_process.hpp"

namespace skep::run {

class TieredExecutable;

struct TieringPolicy {
    std::uint32_t runs_before = 1000; // of one-pass code
    bool uses_cache = true;
    CompileBounds bounds{.milliseconds = 4000, .milliseconds_improving = 2000};
};

// The thread that compiles. Must outlive the programs that were made with it.
class BackgroundCompiler {
  public:
    static constexpr std::size_t kQueueMost = 64;
    static constexpr std::size_t kInsnsMost = 4'000; // seconds of compiling, at the worst

    BackgroundCompiler();
    ~BackgroundCompiler();
    BackgroundCompiler(const BackgroundCompiler&) = delete;
    BackgroundCompiler& operator=(const BackgroundCompiler&) = delete;

  private:
    friend class TieredExecutable;
    // Data plane but for the wake-up: false when the queue is full or busy, or there was no room
    // for a thread.
    bool offer(TieredExecutable& program);
    // Waits until nothing is done with the program any more.
    void forget(TieredExecutable& program);
    void work();
    Result<Compiled> compile(const OptimiserJob& job, const TieringPolicy& policy);

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<TieredExecutable*> queue_;
    std::vector<TieredExecutable*> retiring_; // their old code still has runs in it
    TieredExecutable* at_hand_ = nullptr;
    bool stops_ = false;
    Result<os::Wakeup> stop_;                  // ends the compile that is at hand
    std::unique_ptr<CompilerProcess> process_; // the thread's own
    std::thread thread_;
};

class TieredExecutable final : public Executable {
  public:
    TieredExecutable(std::unique_ptr<Executable> one_pass, const verify::VerifiedProgram& program,
                     Binding binding, TieringPolicy policy, BackgroundCompiler& compiler);
    ~TieredExecutable() override;

    std::uint64_t run_alone(void* context, helpers::Invocation& invocation) override;
    [[nodiscard]] Tier tier() const override;
    [[nodiscard]] std::optional<CodeListing> listing() const override;
    [[nodiscard]] std::uint64_t code_bytes() const override;
    // Why this is still one-pass code although it ran often, or why the optimised code is not as
    // good as it could be; empty when there is nothing to say.
    [[nodiscard]] std::string remark() const;
    // Whether what came before the optimised code is gone.
    [[nodiscard]] bool has_settled() const { return settled_.load(); }

  private:
    friend class BackgroundCompiler;
    std::uint64_t run_one_pass(void* context, helpers::Invocation& invocation);
    void compile(); // on the compiler's thread
    Result<void> try_to_compile();
    void say(std::string remark);
    bool free_old(); // the same; false while a run is inside

    std::atomic<Executable*> optimised_{nullptr};
    std::atomic<std::uint32_t> runs_{0};
    mutable std::atomic<std::uint32_t> inside_{0}; // who may be in one-pass code, or looks at it
    std::atomic<bool> settled_{false};
    std::unique_ptr<Executable> one_pass_;
    std::unique_ptr<Executable> owned_optimised_;
    mutable std::mutex remark_mutex_;
    std::string remark_;
    const verify::VerifiedProgram& program_;
    Binding binding_;
    TieringPolicy policy_;
    BackgroundCompiler& compiler_;
};

// One-pass code that becomes optimised code. Program, maps and compiler must outlive it.
Result<std::unique_ptr<TieredExecutable>> make_tiered(const verify::VerifiedProgram& program,
                                                      const Binding& binding,
                                                      BackgroundCompiler& compiler,
                                                      TieringPolicy policy = {});

} // namespace skep::run
