// SPDX-License-Identifier: Apache-2.0
//
// Data plane, but for installing. Guarded runs: a fault in generated code ends the run, not the
// process.
//
// How it works. enter_guarded() saves the registers that a caller may count on and notes the stack
// in a GuardFrame, then calls the code. While generated code runs, one register, the anchor, holds
// its Invocation, whose `engine` points to that frame. When an instruction of registered code
// faults, the handler finds the frame through the anchor, puts the stack back and resumes where
// enter_guarded() would go on after its call. Nothing is paid for this in a run that does not
// fault.
//
// What is caught: SIGSEGV, SIGBUS, SIGFPE and SIGILL whose instruction lies in registered code, and
// those of os/guard/guarded_copy. Everything else (a fault in a helper, in the application) is
// passed to the handlers that were there before.
//
// Limits: helpers that lie between an outer and an inner piece of generated code (callbacks) are
// abandoned where they stand, so a helper that calls back must hold nothing. Without the handlers,
// runs are unguarded: workers and the command line install them, an embedding program when it asks.
//
// Proved by: guard_test.cpp.
#pragma once

#include <cstdint>

#include "skep/base/bytes.hpp"
#include "skep/base/result.hpp"
#include "skep/helpers/invocation.hpp"

namespace skep::run::code {

// What the handler needs to end a run, and what it says about the fault.
struct GuardFrame {
    std::uintptr_t stack = 0;       // of enter_guarded, at its call
    std::uintptr_t instruction = 0; // that faulted; zero when none did
    std::uintptr_t address = 0;     // that it could not reach, when the machine tells
    int signal = 0;
};

// Installs the handlers for this process, once; later calls do nothing. Control plane.
Result<void> install_fault_handlers();

// Runs code as generated code wants to be entered: r1 in the first argument register, the
// invocation in the anchor. `invocation.engine` must point to `frame`. Answers 0 after a fault, and
// then frame.instruction is not zero.
std::uint64_t enter_guarded(std::uintptr_t code, void* r1, helpers::Invocation& invocation,
                            GuardFrame& frame);

// The same for code that keeps no anchor: it is entered as a C function of r1 and the invocation,
// and `code` is all of it. The frame is found through the thread.
std::uint64_t enter_optimised(std::uintptr_t entry, void* r1, helpers::Invocation& invocation,
                              Bytes code, GuardFrame& frame);

} // namespace skep::run::code
