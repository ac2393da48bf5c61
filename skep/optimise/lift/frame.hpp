// SPDX-License-Identifier: Apache-2.0
//
// What all functions of one module share while it is lifted: types, the table of bindings, alias
// scopes.
#pragma once

#include <array>
#include <map>
#include <tuple>
#include <vector>

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/MDBuilder.h>
#include <llvm/IR/Module.h>

#include "skep/optimise/lift/kinds.hpp"
#include "skep/optimise/lift/lift.hpp"

namespace skep::optimise {

// Memory that does not overlap with that of the others.
enum class Scope : std::uint8_t { stack, context, packet, map_value, count_ };

class Shared {
  public:
    Shared(const LiftInput& input, const run::jit::Plan& plan, llvm::Module& module);

    // The address that stands at this place of the table.
    llvm::Value* binding(llvm::IRBuilder<>& builder, run::jit::Relocation what);
    // The number, for what is no address.
    llvm::Value* bound_number(llvm::IRBuilder<>& builder, run::jit::Relocation what);
    llvm::Value* cpu_number(llvm::IRBuilder<>& builder, llvm::Value* invocation) const;
    // Says which memory an access is to; a call may be said to leave some alone.
    void mark(llvm::Instruction* access, Scope scope) const;
    static std::optional<Scope> scope_of(verify::Region region);

    llvm::FunctionType* function_type(RegBits arguments) const;
    // Sizes the table, when all functions are lifted.
    void finish_bindings();

    const verify::VerifiedProgram& program;
    std::span<const run::jit::MapShape> shapes;
    const run::jit::Plan& plan;
    llvm::Module& module;
    llvm::LLVMContext& context;
    Kinds kinds;
    std::vector<llvm::Function*> functions;
    std::vector<run::jit::Relocation> bindings;
    std::map<std::uint32_t, llvm::Function*> look_ups; // by map index: look_up.hpp

    llvm::Type* i8;
    llvm::IntegerType* i32;
    llvm::IntegerType* i64;
    llvm::PointerType* ptr;
    llvm::StructType* routine_answer;

  private:
    llvm::LoadInst* bound(llvm::IRBuilder<>& builder, llvm::Type* type,
                          const run::jit::Relocation& what);

    using Key = std::tuple<run::jit::Referent, std::uint32_t, std::uint64_t>;
    std::map<Key, unsigned> places_;
    llvm::GlobalVariable* table_;
    std::array<llvm::MDNode*, static_cast<std::size_t>(Scope::count_)> own_{};
    std::array<llvm::MDNode*, static_cast<std::size_t>(Scope::count_)> others_{};
};

} // namespace skep::optimise
