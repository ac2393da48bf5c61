// SPDX-License-Identifier: Apache-2.0
//
// Emission: from IR to an object file in memory, as a compiler would write it.
#pragma once

#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/Module.h>
#include <llvm/Target/TargetMachine.h>

#include "skep/base/result.hpp"

namespace skep::optimise {

using ObjectBytes = llvm::SmallVector<char, 0>;

Result<ObjectBytes> emit_object(llvm::Module& module, llvm::TargetMachine& machine);

} // namespace skep::optimise
