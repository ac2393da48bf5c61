// SPDX-License-Identifier: Apache-2.0
#include "skep/optimise/passes/inlining.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/ADT/SetVector.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/JumpThreading.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>
#include <llvm/Transforms/Utils/Cloning.h>

namespace skep::optimise {
namespace {

using Functions = llvm::SetVector<llvm::Function*>;

void inline_calls_of(llvm::Function& function, Functions& changed) {
    llvm::SmallVector<llvm::CallInst*> calls;
    for (llvm::User* user : function.users()) {
        auto* call = llvm::dyn_cast<llvm::CallInst>(user);
        if (call != nullptr && call->getCalledFunction() == &function) {
            calls.push_back(call);
        }
    }
    for (llvm::CallInst* call : calls) {
        llvm::Function* caller = call->getFunction();
        llvm::InlineFunctionInfo info;
        if (llvm::InlineFunction(*call, info).isSuccess()) {
            changed.insert(caller);
        }
    }
}

} // namespace

llvm::PreservedAnalyses InlineLast::run(llvm::Module& module,
                                        llvm::ModuleAnalysisManager& analyses) {
    Functions changed;
    for (llvm::Function& function : llvm::make_early_inc_range(module)) {
        if (function.hasFnAttribute(kAsItIs)) {
            function.removeFnAttr(llvm::Attribute::OptimizeNone);
        }
        if (function.hasFnAttribute(kInlineLast)) {
            inline_calls_of(function, changed);
            if (function.use_empty()) {
                changed.remove(&function);
                function.eraseFromParent();
            }
        }
    }
    if (changed.empty()) {
        return llvm::PreservedAnalyses::all();
    }
    auto& functions =
        analyses.getResult<llvm::FunctionAnalysisManagerModuleProxy>(module).getManager();
    llvm::FunctionPassManager passes;
    passes.addPass(llvm::EarlyCSEPass());
    passes.addPass(llvm::JumpThreadingPass());
    passes.addPass(llvm::SimplifyCFGPass());
    for (llvm::Function* function : changed) {
        functions.invalidate(*function, llvm::PreservedAnalyses::none());
        functions.invalidate(*function, passes.run(*function, functions));
    }
    return llvm::PreservedAnalyses::none();
}

} // namespace skep::optimise
