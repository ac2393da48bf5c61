// SPDX-License-Identifier: Apache-2.0
//
// InlineLast: functions that the optimiser shall take for calls until it is done with the program.
//
// What such a function does in detail (ordered reads, a fence) would keep the optimiser from moving
// anything across it; what is known of the call does not. At the end its body takes the place of
// each call, and what follows from knowing both is done: an answer that cannot be null is not asked
// whether it is.
//
// Proved by: tests/jit/hash_lookup_test.cpp.
#pragma once

#include <llvm/IR/PassManager.h>

namespace skep::optimise {

// The attribute of such functions, which are internal and must not recurse; and of functions that
// stay, and are good as they were written. Both have `optnone` until then.
inline constexpr const char* kInlineLast = "skep-inline-last";
inline constexpr const char* kAsItIs = "skep-as-it-is";

class InlineLast : public llvm::PassInfoMixin<InlineLast> {
  public:
    static llvm::PreservedAnalyses run(llvm::Module& module, llvm::ModuleAnalysisManager& analyses);
    // What is left to be called would be slow, if right.
    static bool isRequired() { return true; } // NOLINT: pass managers ask by this name
};

} // namespace skep::optimise
