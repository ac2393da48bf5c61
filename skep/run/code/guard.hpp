// SPDX-License-Identifier: Apache-2.0
//
// Data plane, but for installing. Guarded runs: a fault in generated code ends the run, not the
// process.
//
// How it works. One-pass code saves the registers that a caller may count on, pushes the address
// where it goes on to restore them, and notes the stack pointer in its Invocation's `engine`. While
// it runs, one register, the anchor, holds that Invocation. When an instruction of registered code
// faults, the handler finds the invocation through the anchor, puts the stack back and resumes at
// that address, with 0 as answer. Optimised code keeps no anchor: enter_optimised() does the same
// around it, and the handler finds the invocation through the thread. Nothing is paid for this in a
// run that does not fault, but for noting where it would go on.
//
// What is caught: SIGSEGV, SIGBUS, SIGFPE and SIGILL whose instruction lies in registered code, and
// those of os/guard/guarded_copy. Everything else (a fault in a helper, in the application, a
// signal that was sent) is passed to the handlers that were there before.
//
// Limits: a fault before the stack pointer is noted (no room for the first pushes) is passed on,
// too: `engine` is null until then, and the anchor is set before anything can fault; helpers that
// lie between an outer and an inner piece of generated code (callbacks) are abandoned
// where they stand, so a helper that calls back must hold nothing. Without the handlers, runs are
// unguarded: workers and the command line install them, an embedding program when it asks.
//
// Proved by: guard_test.cpp; tests/jit/fault_registers_test.cpp; tests/jit/entry_fault_test.cpp.
#pragma once

#include <cstdint>

#include "skep/base/bytes.hpp"
#include "skep/base/result.hpp"
#include "skep/helpers/invocation.hpp"

namespace skep::run::code {

// A C function of r1 and the invocation, in code that keeps no anchor.
struct OptimisedCode {
    std::uintptr_t entry = 0; // first: what goes in is assembly
    Bytes bytes;              // all of it
    // Wherever it faults, the registers that a C function keeps are as its caller left them: it
    // changes none, and nobody who does lies between it and its caller (a helper that calls back).
    bool keeps_registers = false;
};

// What ended a run.
struct Fault {
    std::uintptr_t instruction = 0;
    std::uintptr_t address = 0; // that it could not reach, when the machine tells
    int signal = 0;
};

// Installs the handlers for this process, once; later calls do nothing. Control plane.
Result<void> install_fault_handlers();

// Where one-pass code leaves the address at which its run ends: this far above what `engine` holds.
#if defined(__aarch64__)
inline constexpr std::uintptr_t kRunEndSlot = 16;
#else
inline constexpr std::uintptr_t kRunEndSlot = 0;
#endif

// Precondition: `engine` of the invocation is null; so it is afterwards. Answers 0 after a fault,
// which the invocation counts.
std::uint64_t enter_optimised(const OptimisedCode& code, void* r1, helpers::Invocation& invocation);

// The last one that ended a run of this thread.
Fault last_fault();

} // namespace skep::run::code
