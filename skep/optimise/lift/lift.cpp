// SPDX-License-Identifier: Apache-2.0
#include "skep/optimise/lift/lift.hpp"

#include <optional>

#include <fmt/format.h>

#include "skep/optimise/lift/function_lifter.hpp"
#include "skep/optimise/lines.hpp"

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

// (context, invocation)
void make_entry(Shared& shared) {
    auto* type = llvm::FunctionType::get(shared.i64, {shared.ptr, shared.ptr}, false);
    llvm::Function* entry = make_outer(shared, type, kEntryName);
    llvm::IRBuilder<> builder(llvm::BasicBlock::Create(shared.context, "", entry));
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

// (invocation, function, r1 .. r5): what a helper calls.
void make_call_back(Shared& shared) {
    std::vector<llvm::Type*> types{shared.ptr, shared.ptr};
    types.insert(types.end(), 5, shared.i64);
    llvm::Function* call_back =
        make_outer(shared, llvm::FunctionType::get(shared.i64, types, false), kCallBackName);
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
    make_entry(shared);
    make_call_back(shared);
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
