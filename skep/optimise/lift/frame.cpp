// SPDX-License-Identifier: Apache-2.0
#include "skep/optimise/lift/frame.hpp"

#include <cstddef>

#include "skep/helpers/invocation.hpp"

namespace skep::optimise {
namespace {

constexpr std::uint64_t kTableMost = 4096; // entries, while their number is not known

} // namespace

Shared::Shared(const LiftInput& input, const run::jit::Plan& the_plan, llvm::Module& the_module)
    : program(input.program), shapes(input.shapes), plan(the_plan), module(the_module),
      context(the_module.getContext()), kinds(kinds_of(input.program, the_plan)),
      i8(llvm::Type::getInt8Ty(context)), i32(llvm::Type::getInt32Ty(context)),
      i64(llvm::Type::getInt64Ty(context)), ptr(llvm::PointerType::getUnqual(context)),
      routine_answer(llvm::StructType::get(i64, i64)),
      table_(new llvm::GlobalVariable(module, llvm::ArrayType::get(ptr, kTableMost), true,
                                      llvm::GlobalValue::ExternalLinkage, nullptr,
                                      kBindingsName)) { // NOLINT: the module owns it
    table_->setVisibility(llvm::GlobalValue::HiddenVisibility);
    table_->setDSOLocal(true);
    llvm::MDBuilder metadata(context);
    llvm::MDNode* domain = metadata.createAnonymousAliasScopeDomain("skep");
    std::vector<llvm::Metadata*> scopes;
    for (std::size_t i = 0; i < own_.size(); ++i) {
        scopes.push_back(metadata.createAnonymousAliasScope(domain));
    }
    for (std::size_t i = 0; i < own_.size(); ++i) {
        own_[i] = llvm::MDNode::get(context, scopes[i]);
        std::vector<llvm::Metadata*> rest = scopes;
        rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
        others_[i] = llvm::MDNode::get(context, rest);
    }
}

llvm::LoadInst* Shared::bound(llvm::IRBuilder<>& builder, llvm::Type* type,
                              const run::jit::Relocation& what) {
    const auto [found, is_new] =
        places_.try_emplace(Key{what.referent, what.index, what.addend}, bindings.size());
    if (is_new) {
        bindings.push_back(what);
    }
    llvm::Value* place =
        builder.CreateConstInBoundsGEP2_64(table_->getValueType(), table_, 0, found->second);
    llvm::LoadInst* load = builder.CreateAlignedLoad(type, place, llvm::Align(8));
    llvm::MDNode* nothing = llvm::MDNode::get(context, {});
    load->setMetadata(llvm::LLVMContext::MD_invariant_load, nothing);
    load->setMetadata(llvm::LLVMContext::MD_noundef, nothing);
    return load;
}

llvm::Value* Shared::binding(llvm::IRBuilder<>& builder, run::jit::Relocation what) {
    llvm::LoadInst* address = bound(builder, ptr, what);
    address->setMetadata(llvm::LLVMContext::MD_nonnull, llvm::MDNode::get(context, {}));
    return address;
}

llvm::Value* Shared::bound_number(llvm::IRBuilder<>& builder, run::jit::Relocation what) {
    return bound(builder, i64, what);
}

llvm::Value* Shared::cpu_number(llvm::IRBuilder<>& builder, llvm::Value* invocation) const {
    llvm::LoadInst* load = builder.CreateLoad(
        i32,
        builder.CreateConstInBoundsGEP1_64(i8, invocation, offsetof(helpers::Invocation, cpu)));
    llvm::MDNode* nothing = llvm::MDNode::get(context, {});
    load->setMetadata(llvm::LLVMContext::MD_invariant_load, nothing); // one slot for a whole run
    load->setMetadata(llvm::LLVMContext::MD_noundef, nothing);
    return load;
}

void Shared::mark(llvm::Instruction* access, Scope scope) const {
    const auto index = static_cast<std::size_t>(scope);
    access->setMetadata(llvm::LLVMContext::MD_alias_scope, own_[index]);
    access->setMetadata(llvm::LLVMContext::MD_noalias, others_[index]);
}

std::optional<Scope> Shared::scope_of(verify::Region region) {
    switch (region) {
    case verify::Region::stack:
        return Scope::stack;
    case verify::Region::context:
        return Scope::context;
    case verify::Region::packet:
        return Scope::packet;
    case verify::Region::map_value:
        return Scope::map_value;
    case verify::Region::unknown:
    case verify::Region::memory: // may be any of the others, handed to a global function
    case verify::Region::kernel:
        return std::nullopt;
    }
    return std::nullopt;
}

llvm::FunctionType* Shared::function_type(RegBits arguments) const {
    std::vector<llvm::Type*> types;
    for (Reg reg = 1; reg <= 5; ++reg) {
        types.push_back((arguments & bit_of(reg)) != 0 ? static_cast<llvm::Type*>(ptr) : i64);
    }
    types.push_back(ptr);
    return llvm::FunctionType::get(i64, types, false);
}

void Shared::finish_bindings() {
    auto* type = llvm::ArrayType::get(ptr, bindings.empty() ? 1 : bindings.size());
    auto* sized = new llvm::GlobalVariable(module, type, true, llvm::GlobalValue::ExternalLinkage,
                                           nullptr, ""); // NOLINT: the module owns it
    sized->takeName(table_);
    sized->setVisibility(llvm::GlobalValue::HiddenVisibility);
    sized->setDSOLocal(true);
    sized->setAlignment(llvm::Align(8));
    table_->replaceAllUsesWith(sized);
    table_->eraseFromParent();
    table_ = sized;
}

} // namespace skep::optimise
