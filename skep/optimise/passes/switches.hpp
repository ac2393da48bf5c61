// SPDX-License-Identifier: Apache-2.0
//
// Switches: trees of comparisons become switches again.
//
// Compilers for BPF turn a switch into comparisons of one value with constants, a tree or a chain,
// since BPF has no jump tables. Where every inner node of such a tree does nothing but compare,
// the whole tree is a function from the value to where to go on, and LLVM chooses better than the
// author's compiler could: a jump table, a table of results, a test of bits.
//
//   if x > 4 goto A; if x == 0 goto B; ...    ─▶   switch x { 0: B, 1: C, ... }
//
// Limits: trees of four comparisons and more, whose values beside the commonest target are few.
//
// Proved by: tests/jit/switch_test.cpp.
#pragma once

#include <llvm/IR/PassManager.h>

namespace skep::optimise {

class RebuildSwitches : public llvm::PassInfoMixin<RebuildSwitches> {
  public:
    static llvm::PreservedAnalyses run(llvm::Function& function,
                                       llvm::FunctionAnalysisManager& analyses);
};

} // namespace skep::optimise
