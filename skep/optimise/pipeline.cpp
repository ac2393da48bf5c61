// SPDX-License-Identifier: Apache-2.0
#include "skep/optimise/pipeline.hpp"

#include <llvm/Analysis/TargetLibraryInfo.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Transforms/InstCombine/InstCombine.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/SROA.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>

#include "skep/optimise/passes/flat_switches.hpp"
#include "skep/optimise/passes/inlining.hpp"
#include "skep/optimise/passes/switches.hpp"
#include "skep/optimise/versions.hpp"

namespace skep::optimise {
namespace {

// They change the code of no program of bench/programs, and take a fifth (`sort`) to a third
// (`search`) of the time where loops were unrolled.
bool is_left_out(llvm::StringRef pass) {
    return pass == "ConstraintEliminationPass" || pass == "DSEPass";
}

llvm::ModulePassManager light_passes() {
    llvm::FunctionPassManager functions;
    functions.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
    functions.addPass(llvm::EarlyCSEPass(true));
    functions.addPass(RebuildSwitches());
    functions.addPass(llvm::InstCombinePass());
    functions.addPass(llvm::SimplifyCFGPass());
    llvm::ModulePassManager passes;
    passes.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(functions)));
    passes.addPass(InlineLast());
    return passes;
}

} // namespace

void optimise(llvm::Module& module, llvm::TargetMachine& machine, Effort effort,
              const std::function<bool()>& goes_on) {
    llvm::PassInstrumentationCallbacks questions;
    questions.registerShouldRunOptionalPassCallback([](llvm::StringRef pass,
                                                       const llvm::Any& what) {
        const auto* function = llvm::any_cast<const llvm::Function*>(&what);
        const bool is_done_with = function != nullptr && (*function)->hasOptNone(); // inlining.hpp
        return !is_done_with && !is_left_out(pass);
    });
    if (goes_on) {
        questions.registerShouldRunOptionalPassCallback(
            [&](llvm::StringRef, const llvm::Any&) { return goes_on(); });
    }
    set_target(module, machine);
    llvm::PipelineTuningOptions tuning;
    tuning.LoopVectorization = true;
    tuning.SLPVectorization = true;
    tuning.LoopUnrolling = true;
    llvm::PassBuilder builder(&machine, tuning, std::nullopt, &questions);
    builder.registerPipelineEarlySimplificationEPCallback(
        [](llvm::ModulePassManager& early, auto...) { // what else it is told differs by version
            early.addPass(llvm::createModuleToFunctionPassAdaptor(RebuildSwitches()));
        });
    if (!kMakesVectorsOfSwitches) {
        builder.registerVectorizerStartEPCallback(
            [](llvm::FunctionPassManager& vectors, auto...) { vectors.addPass(FlatSwitches()); });
    }
    builder.registerOptimizerLastEPCallback(
        [](llvm::ModulePassManager& last, auto...) { last.addPass(InlineLast()); });
    llvm::LoopAnalysisManager loops;
    llvm::FunctionAnalysisManager functions;
    llvm::CGSCCAnalysisManager components;
    llvm::ModuleAnalysisManager modules;
    llvm::TargetLibraryInfoImpl library(machine.getTargetTriple());
    library.disableAllFunctions();
    functions.registerPass([&] { return llvm::TargetLibraryAnalysis(library); });
    builder.registerModuleAnalyses(modules);
    builder.registerCGSCCAnalyses(components);
    builder.registerFunctionAnalyses(functions);
    builder.registerLoopAnalyses(loops);
    builder.crossRegisterProxies(loops, functions, components, modules);
    llvm::ModulePassManager passes =
        effort == Effort::full ? builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3)
                               : light_passes();
    passes.run(module, modules);
}

} // namespace skep::optimise
