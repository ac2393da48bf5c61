// SPDX-License-Identifier: Apache-2.0
//
// Freezes: those go that hold nothing still.
//
// Whatever is read from memory that may hold nothing is frozen when it is read (lift.hpp). Once
// LLVM has found that a place of the stack is a value that was computed, its freeze is in the way:
// each pass asks again whether the value is surely something, and asks only a few steps deep. Here
// it is asked once for a whole function: what may be nothing is followed from where it arises to
// all that is computed of it, as far as a freeze; every freeze of something else goes.
//
//   a load of the stack ──▶ + 1 ──▶ freeze (stays) ──▶ min ──▶ freeze (goes)
//
// Proved by: tests/engines, tests/conformance, tests/jit/program_test.cpp.
#pragma once

#include <llvm/IR/Function.h>

namespace skep::optimise {

void drop_idle_freezes(llvm::Function& function);

} // namespace skep::optimise
