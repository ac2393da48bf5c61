// SPDX-License-Identifier: Apache-2.0
//
// FlatSwitches: switches in loops that could be made vectors of, as comparisons.
//
// LLVM before version 20 makes no vectors of a loop that holds a switch; branches it turns into
// masks. So a switch in such a loop becomes a branch for each place that it goes to, just before
// loops are looked at for vectors. What is not made vectors of becomes a switch again afterwards,
// by the pass that cleans up branches.
//
//   switch x: 1, 2 → A; 5 → B; else → C      x == 1 | x == 2 ?─▶ A    x == 5 ?─▶ B    else ─▶ C
//
// A loop could be made vectors of when it is innermost, nothing in it calls or leaves it halfway,
// and what it carries from round to round is counted or summed up. A loop that carries a state
// which the switch is about is none: it keeps its table of jumps.
//
// Proved by: tests/jit/switch_test.cpp, tests/engines.
#pragma once

#include <llvm/IR/PassManager.h>

namespace skep::optimise {

class FlatSwitches : public llvm::PassInfoMixin<FlatSwitches> {
  public:
    static llvm::PreservedAnalyses run(llvm::Function& function,
                                       llvm::FunctionAnalysisManager& analyses);
};

} // namespace skep::optimise
