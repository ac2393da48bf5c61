// SPDX-License-Identifier: Apache-2.0
#include "skep/optimise/lift/lift.hpp"

#include <cstddef>
#include <optional>

#include <fmt/format.h>

#include "skep/helpers/invocation.hpp"
#include "skep/optimise/lift/function_lifter.hpp"
#include "skep/optimise/lines.hpp"
#include "skep/spec/limits.hpp"

namespace skep::optimise {
namespace {

void declare_functions(Shared& shared) {
    for (std::size_t i = 0; i < shared.plan.functions.size(); ++i) {
        auto* function = llvm::Function::Create(
            shared.function_type(shared.kinds.arguments[i].addresses),
            llvm::GlobalValue::InternalLinkage, fmt::format("function{}", i), shared.module);
        function->setDoesNotThrow();
        for (llvm::Argument& argument : function->args()) {
            argument.addAttr(llvm::Attribute::NoUndef);
        }
        function->addRetAttr(llvm::Attribute::NoUndef);
        function->getArg(5)->addAttr(llvm::Attribute::NonNull);
        shared.functions.push_back(function);
    }
}

llvm::Function* make_outer(Shared& shared, llvm::FunctionType* type, const char* name) {
    auto* function =
        llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, name, shared.module);
    function->setDoesNotThrow();
    function->setDSOLocal(true);
    function->setVisibility(llvm::GlobalValue::HiddenVisibility);
    for (llvm::Argument& argument : function->args()) {
        argument.addAttr(llvm::Attribute::NoUndef);
    }
    return function;
}

void begin_run(Shared& shared, llvm::IRBuilder<>& builder, llvm::Value* invocation) {
    const auto set = [&](std::size_t field, llvm::Value* value) {
        builder.CreateStore(value,
                            builder.CreateConstInBoundsGEP1_64(shared.i8, invocation, field));
    };
    const run::jit::Frame& frame =
        shared.plan.gate.has_value() ? *shared.plan.gate : shared.plan.functions.front().frame;
    if (frame.has_budget) {
        set(offsetof(helpers::Invocation, loop_budget),
            builder.getInt64(spec::limits::loop_iterations));
    }
    if (frame.calls_back) {
        set(offsetof(helpers::Invocation, call_back), shared.module.getFunction(kCallBackName));
    }
}

// (context, invocation)
void make_entry(Shared& shared, bool begins_runs) {
    auto* type = llvm::FunctionType::get(shared.i64, {shared.ptr, shared.ptr}, false);
    llvm::Function* entry = make_outer(shared, type, kEntryName);
    llvm::IRBuilder<> builder(llvm::BasicBlock::Create(shared.context, "", entry));
    if (begins_runs) {
        begin_run(shared, builder, entry->getArg(1));
    }
    std::vector<llvm::Value*> arguments;
    for (Reg reg = 1; reg <= 5; ++reg) {
        const bool is_pointer = shared.kinds.arguments[0].is_address(reg);
        arguments.push_back(
            is_pointer ? static_cast<llvm::Value*>(llvm::ConstantPointerNull::get(shared.ptr))
                       : builder.getInt64(0));
    }
    arguments[0] = entry->getArg(0);
    if (!shared.kinds.arguments[0].is_address(1)) {
        arguments[0] = builder.CreatePtrToInt(entry->getArg(0), shared.i64);
    }
    arguments.push_back(entry->getArg(1));
    builder.CreateRet(builder.CreateCall(shared.functions[0], arguments));
}

// (invocation, function, r1 .. r5): what a helper calls. It goes again where no entry names it.
void make_call_back(Shared& shared, bool is_named_by_entry) {
    std::vector<llvm::Type*> types{shared.ptr, shared.ptr};
    types.insert(types.end(), 5, shared.i64);
    llvm::Function* call_back =
        make_outer(shared, llvm::FunctionType::get(shared.i64, types, false), kCallBackName);
    if (is_named_by_entry) {
        call_back->setVisibility(llvm::GlobalValue::DefaultVisibility);
        call_back->setLinkage(llvm::GlobalValue::InternalLinkage);
    }
    llvm::IRBuilder<> builder(llvm::BasicBlock::Create(shared.context, "", call_back));
    std::vector<llvm::Value*> arguments;
    for (unsigned i = 2; i < 7; ++i) {
        arguments.push_back(call_back->getArg(i));
    }
    arguments.push_back(call_back->getArg(0));
    builder.CreateRet(builder.CreateCall(shared.function_type(0), call_back->getArg(1), arguments));
}

} // namespace

Result<Lifted> lift(const LiftInput& input, llvm::LLVMContext& context) {
    const run::jit::Plan plan = TRY(run::jit::make_plan(input.program, input.shapes));
    Lifted lifted;
    lifted.module = std::make_unique<llvm::Module>("program", context);
    Shared shared(input, plan, *lifted.module);
    declare_functions(shared);
    std::optional<LineTable> lines;
    if (input.with_lines) {
        lines.emplace(*lifted.module);
        for (llvm::Function* function : shared.functions) {
            lines->add(*function);
        }
    }
    for (std::size_t i = 0; i < shared.functions.size(); ++i) {
        FunctionLifter function(shared, i);
        TRY(function.run());
    }
    make_call_back(shared, input.begins_runs);
    make_entry(shared, input.begins_runs);
    if (lines.has_value()) {
        lines->add_around(*lifted.module->getFunction(kEntryName));
        lines->add_around(*lifted.module->getFunction(kCallBackName));
        lines->finish();
    }
    shared.finish_bindings();
    lifted.bindings = std::move(shared.bindings);
    return lifted;
}

} // namespace skep::optimise
