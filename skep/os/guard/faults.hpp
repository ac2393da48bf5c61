// SPDX-License-Identifier: Apache-2.0
//
// Faults of the processor: the signals that an instruction can raise, seen as records.
//
// The handler that run/code installs reads and changes the interrupted machine state through this
// seam. Everything here may be called inside a signal handler except where said otherwise.
//
// Proved by: run/code/guard_test.cpp.
#pragma once

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>

#include "skep/base/result.hpp"
#include "skep/os/memory.hpp"

namespace skep::os {

inline constexpr std::array kFaultSignals{SIGSEGV, SIGBUS, SIGFPE, SIGILL};

using FaultHandler = void (*)(int signal, siginfo_t* info, void* machine);

// What the handlers were before ours, in the order of kFaultSignals.
using PreviousHandlers = std::array<struct sigaction, kFaultSignals.size()>;

// Installs one handler for all fault signals, on the alternate stack where a thread has one. Not
// for use inside a handler.
Result<void> install_fault_handler(FaultHandler handler, PreviousHandlers& previous);

// Does what would have been done without us: calls the handler before ours, or lets the signal
// take its default course (the faulting instruction runs again and ends the process).
void pass_fault_on(const PreviousHandlers& previous, int signal, siginfo_t* info, void* machine);

// The interrupted thread's registers. The anchor is the register in which generated code keeps its
// invocation (r12 on x86-64, x25 on arm64).
class MachineState {
  public:
    explicit MachineState(void* machine) : machine_(machine) {}

    [[nodiscard]] std::uintptr_t instruction() const;
    [[nodiscard]] std::uintptr_t anchor() const;
    void resume_at(std::uintptr_t instruction, std::uintptr_t stack, std::uint64_t result);
    // Resumes as if the current leaf function, which keeps nothing on the stack, were at
    // `instruction`.
    void resume_at(std::uintptr_t instruction);

  private:
    void* machine_;
};

// The calling thread's alternate signal stack while this lives: without one, code that runs out of
// stack cannot be caught. A thread that already has one keeps it.
class AlternateStack {
  public:
    static Result<AlternateStack> install();
    AlternateStack(AlternateStack&& other) noexcept = default;
    AlternateStack& operator=(AlternateStack&& other) noexcept = delete;
    ~AlternateStack();

  private:
    AlternateStack() = default;
    Mapping memory_;
};

} // namespace skep::os
