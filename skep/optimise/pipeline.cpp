// SPDX-License-Identifier: Apache-2.0
#include "skep/optimise/pipeline.hpp"

#include <map>

#include <llvm/Analysis/TargetLibraryInfo.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Transforms/InstCombine/InstCombine.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/SROA.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>

#include "skep/optimise/passes/flat_switches.hpp"
#include "skep/optimise/passes/freezes.hpp"
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

// Which passes would see what they have seen already. A pass that comes again and again in the
// pipeline does nothing where no other has changed anything since.
class Repetition {
  public:
    void attach(llvm::PassInstrumentationCallbacks& callbacks) {
        callbacks.registerShouldRunOptionalPassCallback(
            [this](llvm::StringRef pass, const llvm::Any& what) { return !is_known(pass, what); });
        callbacks.registerAfterPassCallback(
            [this](llvm::StringRef pass, const llvm::Any& what,
                   const llvm::PreservedAnalyses& kept) { note(pass, what, kept); });
    }

  private:
    // Those that take time, and whose repetitions do not differ in what they are told.
    static bool is_repeated(llvm::StringRef pass) {
        return pass == "InstCombinePass" || pass == "JumpThreadingPass" ||
               pass == "CorrelatedValuePropagationPass";
    }
    // What only holds other passes says of them what they have said; and what brings loops into
    // form, or notes what is known of functions and calls, gives those passes nothing to do.
    static bool is_no_change(llvm::StringRef pass) {
        return pass == "LCSSAPass" || pass == "LoopSimplifyPass" || pass == "TailCallElimPass" ||
               pass == "PostOrderFunctionAttrsPass" || pass.contains("PassManager") ||
               pass.contains("PassAdaptor") || pass.contains("AnalysisPass") ||
               pass.contains("WrapperPass") || pass.contains("RepeatedPass");
    }
    static const llvm::Function* function_in(const llvm::Any& what) {
        const auto* function = llvm::any_cast<const llvm::Function*>(&what);
        return function == nullptr ? nullptr : *function;
    }

    bool is_known(llvm::StringRef pass, const llvm::Any& what) const {
        const auto found = seen_.find({pass, function_in(what)});
        return found != seen_.end() && found->second == changes_;
    }
    void note(llvm::StringRef pass, const llvm::Any& what, const llvm::PreservedAnalyses& kept) {
        if (!kept.areAllPreserved() && !is_no_change(pass)) {
            ++changes_;
        }
        if (is_repeated(pass)) {
            seen_[{pass, function_in(what)}] = changes_;
        }
    }

    std::map<std::pair<llvm::StringRef, const llvm::Function*>, std::uint64_t> seen_;
    std::uint64_t changes_ = 0;
};

// Where places of the stack have just become values. There is no other way in at this point of the
// pipeline; what LLVM knows of the function then is its blocks alone, and these stay.
void drop_freezes_after(llvm::StringRef pass, const llvm::Any& what,
                        const llvm::PreservedAnalyses& kept) {
    const auto* function = llvm::any_cast<const llvm::Function*>(&what);
    if (pass == "SROAPass" && function != nullptr && !kept.areAllPreserved()) {
        drop_idle_freezes(
            const_cast<llvm::Function&>(**function)); // NOLINT: the pass changes it too
    }
}

// A function that is called in one place is put there before anything is looked at: else it is
// looked at twice, alone and in its place.
void inline_what_is_called_once(llvm::Module& module) {
    for (llvm::Function& function : module) {
        auto* call =
            function.hasOneUse() ? llvm::dyn_cast<llvm::CallInst>(*function.user_begin()) : nullptr;
        if (function.hasLocalLinkage() && !function.hasFnAttribute(llvm::Attribute::NoInline) &&
            !function.hasFnAttribute(kInlineLast) && call != nullptr &&
            call->getCalledFunction() == &function && call->getFunction() != &function) {
            function.addFnAttr(llvm::Attribute::AlwaysInline);
        }
    }
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
    if (effort == Effort::full) {
        inline_what_is_called_once(module);
    }
    questions.registerAfterPassCallback(drop_freezes_after);
    Repetition repetition;
    repetition.attach(questions);
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
