// SPDX-License-Identifier: Apache-2.0
//
// Lines: which bytecode instruction machine code came from, by way of the compiler's own debug
// information: the lifter says "line n + 1" for slot n, and the line table of the object says where
// such lines came to lie. Optimised code is in no order: an instruction may have several places or
// none.
#pragma once

#include <vector>

#include <llvm/IR/DIBuilder.h>
#include <llvm/IR/Module.h>

#include "skep/base/result.hpp"
#include "skep/optimise/emission.hpp"
#include "skep/run/jit/image.hpp"

namespace skep::optimise {

// Gives each function a place for lines to be said in. To be called before lifting; finish() after.
class LineTable {
  public:
    explicit LineTable(llvm::Module& module);
    void add(llvm::Function& function);
    void add_around(llvm::Function& function); // one that calls those, and is no instruction's
    void finish() { builder_.finalize(); }

  private:
    llvm::DIBuilder builder_;
    llvm::DIFile* file_;
    llvm::DISubroutineType* type_;
};

// By rising offset in the object's code, which is one section at the image's beginning.
Result<std::vector<run::jit::CodeMark>> marks_of(const ObjectBytes& object);

} // namespace skep::optimise
