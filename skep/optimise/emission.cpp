// SPDX-License-Identifier: Apache-2.0
#include "skep/optimise/emission.hpp"

#include <llvm/Analysis/TargetLibraryInfo.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/Support/raw_ostream.h>

namespace skep::optimise {

Result<ObjectBytes> emit_object(llvm::Module& module, llvm::TargetMachine& machine) {
    ObjectBytes bytes;
    llvm::raw_svector_ostream stream(bytes);
    llvm::legacy::PassManager passes;
    llvm::TargetLibraryInfoImpl library(machine.getTargetTriple());
    library.disableAllFunctions();
    passes.add(new llvm::TargetLibraryInfoWrapperPass(library)); // NOLINT: the manager owns it
    if (machine.addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile)) {
        return fail(Code::unsupported, "LLVM writes no objects for this machine");
    }
    passes.run(module);
    return bytes;
}

} // namespace skep::optimise
