// SPDX-License-Identifier: Apache-2.0
//
// Signals where one-pass code has not begun its run, or that are none of its faults.
//
// A run that finds no room on its stack, at every place of its beginning: either the run ends, or
// the handler that was there before is told. Nothing is taken for an invocation that is none. It
// runs on the lowest bytes of a page, with one below it that nobody may touch.
#include <atomic>
#include <csetjmp>
#include <csignal>
#include <cstdlib>
#include <thread>

#include <gtest/gtest.h>

#include <ucontext.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/os/guard/executable_memory.hpp"
#include "skep/os/guard/faults.hpp"
#include "skep/os/memory.hpp"
#include "skep/run/code/guard.hpp"
#include "skep/run/executable.hpp"
#include "skep/run/jit/image.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

constexpr std::size_t kAlignment = 16; // of a stack
constexpr std::size_t kLeastRoom = 48; // for what a context begins with
constexpr std::size_t kMostRoom = 512;
constexpr std::uint64_t kAnswer = 30;

// What a context begins with can be given no pointer, and a signal handler nothing at all.
struct Attempt {
    run::Executable* executable = nullptr;
    helpers::Invocation invocation;
    std::uint64_t answer = 0;
    ucontext_t here{};
    sigjmp_buf told{};
    int told_count = 0;
};
Attempt* attempt = nullptr; // NOLINT: see above

void run_attempt() { attempt->answer = attempt->executable->run(nullptr, attempt->invocation); }

void tell(int) {
    ++attempt->told_count;
    siglongjmp(attempt->told, 1); // NOLINT: out of a stack that is used up
}

// Runs with so many bytes of stack; false when there were too few and the old handler was told.
bool run_with_room(std::uint8_t* stack, std::size_t room) {
    ucontext_t there{};
    EXPECT_EQ(getcontext(&there), 0);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = room;
    there.uc_link = &attempt->here;
    makecontext(&there, run_attempt, 0);
    if (sigsetjmp(attempt->told, 1) != 0) { // NOLINT: as above
        return false;
    }
    EXPECT_EQ(swapcontext(&attempt->here, &there), 0);
    return true;
}

struct Seen {
    int told = 0;
    int ended_by_fault = 0;
    int answered = 0;
};

Seen run_with_every_room(run::Executable& executable, void* engine) {
    const auto stack = os::ExecutableReservation::make(os::page_size()); // nothing is executed
    EXPECT_TRUE(stack.ok());
    static Attempt only;
    attempt = &only;
    attempt->executable = &executable;
    Seen seen;
    for (std::size_t room = kLeastRoom; room <= kMostRoom; room += kAlignment) {
        attempt->invocation.faults = 0;
        attempt->invocation.engine = engine;
        if (!run_with_room(stack->data(), room)) {
            ++seen.told;
            EXPECT_EQ(attempt->invocation.faults, 0U) << room;
            continue;
        }
        EXPECT_EQ(attempt->invocation.engine, engine) << room;
        if (attempt->invocation.faults == 0) {
            ++seen.answered;
            EXPECT_EQ(attempt->answer, kAnswer) << room;
        } else {
            ++seen.ended_by_fault;
            EXPECT_EQ(attempt->answer, 0U) << room;
        }
    }
    return seen;
}

// Exits with 0 when all went as it should.
[[noreturn]] void attempt_all() {
    std::signal(SIGSEGV, tell); // before ours, which pass on to it
    auto alternate = os::AlternateStack::install();
    const bool ready = alternate.ok() && run::code::install_fault_handlers().ok();
    const auto assembled = assemble("r6 = 6\nr7 = 7\nr8 = 8\nr9 = 9\n*(u64 *)(r10 - 8) = r6\n"
                                    "r0 = *(u64 *)(r10 - 8)\nr0 += r7\nr0 += r8\nr0 += r9\nexit");
    const auto executable = run::make_jit(unchecked(assembled->insns), {});
    for (void* engine : {static_cast<void*>(nullptr), static_cast<void*>(&attempt)}) {
        const Seen seen = run_with_every_room(**executable, engine);
        EXPECT_GT(seen.told, 0);
        EXPECT_GT(seen.ended_by_fault, 0);
        EXPECT_GT(seen.answered, 0);
    }
    std::_Exit(ready && !testing::Test::HasFailure() ? 0 : 1);
}

TEST(EntryDeathTest, WithoutRoomOnTheStackTakesNothingForAnInvocation) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "the sanitizer answers these faults in its own way";
#endif
    if (run::jit::kThisMachine == run::jit::Machine::none) {
        GTEST_SKIP() << "there is no machine code for this machine";
    }
    testing::GTEST_FLAG(death_test_style) = "threadsafe"; // the handlers are the process's
    EXPECT_EXIT(attempt_all(), testing::ExitedWithCode(0), "");
}

// What the program says, and waits for; a handler is given no argument.
std::atomic<std::uint64_t> words[2]; // NOLINT: see above

void answer_program(int) { words[1] = 1; }

// Exits with 0 when the old handler was told and the run went on.
[[noreturn]] void send_a_signal_into_a_run() {
    std::signal(SIGSEGV, answer_program);
    const bool ready = run::code::install_fault_handlers().ok();
    const auto assembled = assemble("*(u64 *)(r1 + 0) = 1\nagain:\nr2 = *(u64 *)(r1 + 8)\n"
                                    "if r2 == 0 goto again\nr0 = 5\nexit");
    const auto executable = run::make_jit(unchecked(assembled->insns), {});
    std::thread sender([runner = pthread_self()] {
        while (words[0] == 0) {
        }
        pthread_kill(runner, SIGSEGV);
    });
    helpers::Invocation invocation;
    const std::uint64_t answer = (*executable)->run(&words[0], invocation);
    sender.join();
    std::_Exit(ready && answer == 5 && invocation.faults == 0 ? 0 : 1);
}

// It may arrive anywhere, also where the anchor is not set, and says nothing about the program.
TEST(EntryDeathTest, ASignalThatWasSentEndsNoRun) {
    if (run::jit::kThisMachine == run::jit::Machine::none) {
        GTEST_SKIP() << "there is no machine code for this machine";
    }
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    EXPECT_EXIT(send_a_signal_into_a_run(), testing::ExitedWithCode(0), "");
}

} // namespace
} // namespace skep::tests
