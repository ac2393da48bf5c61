// SPDX-License-Identifier: Apache-2.0
//
// The module's way in: lift, optimise, emit, place.
#include <chrono>
#include <mutex>

#include <fmt/format.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>

#include "skep/optimise/ahead.hpp"
#include "skep/optimise/emission.hpp"
#include "skep/optimise/lift/lift.hpp"
#include "skep/optimise/lines.hpp"
#include "skep/optimise/machine.hpp"
#include "skep/optimise/pipeline.hpp"
#include "skep/optimise/placing.hpp"
#include "skep/run/optimised/optimiser.hpp"

namespace skep::optimise {
namespace {

// Instructions; beyond, time is better spent elsewhere. LLVM takes time in the square of a long
// stretch of code, unless it may not look at it twice.
constexpr std::size_t kFullMost = 2000;
constexpr std::size_t kChosenMost = 4000;

// The machine that most programs are compiled for, while nobody uses it: what LLVM works out for a
// processor takes longer than to compile a short program.
class IdleMachine {
  public:
    Result<std::unique_ptr<llvm::TargetMachine>> take() {
        {
            const std::lock_guard lock(mutex_);
            if (machine_ != nullptr) {
                return std::move(machine_);
            }
        }
        return make_machine({});
    }
    void put_back(std::unique_ptr<llvm::TargetMachine> machine) {
        const std::lock_guard lock(mutex_);
        machine_ = std::move(machine);
    }

  private:
    std::mutex mutex_;
    std::unique_ptr<llvm::TargetMachine> machine_;
};

class Compiler final : public run::Optimiser {
  public:
    [[nodiscard]] std::string description() const override {
        return fmt::format("LLVM {} {}", LLVM_VERSION_STRING, host_description());
    }

    [[nodiscard]] Result<run::Compiled> compile(const run::OptimiserJob& job) const override {
        llvm::LLVMContext context;
        const bool is_long = job.program.insns().size() > kFullMost;
        MachineChoice choice;
        choice.effort = job.program.insns().size() > kChosenMost ? llvm::CodeGenOptLevel::None
                        : is_long                                ? llvm::CodeGenOptLevel::Less
                                                                 : llvm::CodeGenOptLevel::Default;
        std::unique_ptr<llvm::TargetMachine> machine =
            is_long ? TRY(make_machine(choice)) : TRY(idle_.take());
        Lifted lifted = TRY(lift({job.program, job.shapes, job.with_lines, true}, context));
        TRY(check(*lifted.module));
        const auto begin = std::chrono::steady_clock::now();
        const std::chrono::milliseconds most(job.milliseconds_most);
        std::function<bool()> goes_on;
        if (job.milliseconds_most != 0) {
            goes_on = [=] { return std::chrono::steady_clock::now() - begin < most; };
        }
        optimise(*lifted.module, *machine, is_long ? Effort::light : Effort::full, goes_on);
        const ObjectBytes object = TRY(emit_object(*lifted.module, *machine));
        if (!is_long) {
            idle_.put_back(std::move(machine));
        }
        run::Compiled compiled{TRY(place(object, lifted.bindings)), false};
        if (job.with_lines) {
            compiled.image.marks = TRY(marks_of(object));
        }
        compiled.was_cut_short = goes_on && !goes_on();
        return compiled;
    }

    // The library fills its tables of passes and of the target when they are first wanted.
    void warm_up() const override {
        llvm::LLVMContext context;
        llvm::Module module("nothing", context);
        auto* type = llvm::FunctionType::get(llvm::Type::getInt64Ty(context), false);
        auto* function =
            llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, kEntryName, module);
        llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context, "", function));
        builder.CreateRet(builder.getInt64(0));
        if (auto machine = idle_.take(); machine.ok()) {
            optimise(module, **machine, Effort::full, {});
            static_cast<void>(emit_object(module, **machine));
            idle_.put_back(std::move(*machine));
        }
    }

    [[nodiscard]] Result<run::AheadObject> compile_ahead(const run::AheadJob& job) const override {
        return optimise::compile_ahead(job);
    }

  private:
    // LLVM believes what it is given: in a build for those who work on skep it is looked at first.
    static Result<void> check([[maybe_unused]] llvm::Module& module) {
#if !defined(NDEBUG)
        std::string why;
        llvm::raw_string_ostream out(why);
        if (llvm::verifyModule(module, &out)) {
            return fail(Code::unsupported, "the IR is malformed: " + why);
        }
#endif
        return {};
    }

    mutable IdleMachine idle_;
};

} // namespace
} // namespace skep::optimise

extern "C" {
[[gnu::visibility("default")]] extern const char* const skep_optimiser_build; // NOLINT: a C symbol
const char* const skep_optimiser_build = skep::run::kOptimiserBuild;          // NOLINT: a C symbol

[[gnu::visibility("default")]] const skep::run::Optimiser* skep_optimiser() {
    static const skep::optimise::Compiler compiler;
    return &compiler;
}
}
