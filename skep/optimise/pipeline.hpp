// SPDX-License-Identifier: Apache-2.0
//
// Pipeline: from IR to better IR, with the cost model of the machine that it is for.
//
// `full` is LLVM's -O3; `light` is what pays for itself on long programs. No function of a C
// library is there to be called, so none is made up.
#pragma once

#include <functional>

#include <llvm/IR/Module.h>
#include <llvm/Target/TargetMachine.h>

namespace skep::optimise {

enum class Effort : std::uint8_t { full, light };

// `goes_on` is asked before each pass that could be left out.
void optimise(llvm::Module& module, llvm::TargetMachine& machine, Effort effort,
              const std::function<bool()>& goes_on = {});

} // namespace skep::optimise
