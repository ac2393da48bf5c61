// SPDX-License-Identifier: Apache-2.0
#include "skep/optimise/passes/freezes.hpp"

#include <algorithm>
#include <vector>

#include <llvm/ADT/SmallPtrSet.h>
#include <llvm/Analysis/ValueTracking.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Operator.h>

namespace skep::optimise {
namespace {

using Values = llvm::SmallPtrSet<const llvm::Value*, 32>;

// Whether it may be nothing though all that it is computed of is something.
bool may_make_nothing(const llvm::Instruction& one) {
    if (llvm::isa<llvm::FreezeInst>(one) || llvm::isa<llvm::AllocaInst>(one)) {
        return false;
    }
    if (llvm::isa<llvm::LoadInst>(one)) {
        return !one.hasMetadata(llvm::LLVMContext::MD_noundef);
    }
    return llvm::canCreateUndefOrPoison(llvm::cast<llvm::Operator>(&one));
}

bool may_be_nothing(const llvm::Value& outside) {
    if (const auto* argument = llvm::dyn_cast<llvm::Argument>(&outside)) {
        return !argument->hasAttribute(llvm::Attribute::NoUndef);
    }
    const auto* constant = llvm::dyn_cast<llvm::Constant>(&outside);
    return constant != nullptr && !llvm::isGuaranteedNotToBeUndefOrPoison(constant);
}

// What it comes from lies outside of instructions: an argument, a constant.
bool takes_nothing(const llvm::Instruction& one) {
    return !llvm::isa<llvm::FreezeInst>(one) && !llvm::isa<llvm::LoadInst>(one) &&
           std::ranges::any_of(one.operand_values(), [](const llvm::Value* operand) {
               return !llvm::isa<llvm::Instruction>(operand) && may_be_nothing(*operand);
           });
}

Values what_may_be_nothing(llvm::Function& function) {
    Values found;
    std::vector<const llvm::Instruction*> open;
    const auto add = [&](const llvm::Instruction& one) {
        if (found.insert(&one).second) {
            open.push_back(&one);
        }
    };
    for (const llvm::Instruction& one : llvm::instructions(function)) {
        if (may_make_nothing(one) || takes_nothing(one)) {
            add(one);
        }
    }
    while (!open.empty()) {
        const llvm::Instruction* one = open.back();
        open.pop_back();
        for (const llvm::User* user : one->users()) {
            const auto* next = llvm::dyn_cast<llvm::Instruction>(user);
            // What is read at an address that is nothing is told by the load itself.
            if (next != nullptr && !llvm::isa<llvm::FreezeInst>(next) &&
                !llvm::isa<llvm::LoadInst>(next)) {
                add(*next);
            }
        }
    }
    return found;
}

} // namespace

void drop_idle_freezes(llvm::Function& function) {
    std::vector<llvm::FreezeInst*> freezes;
    for (llvm::Instruction& one : llvm::instructions(function)) {
        if (auto* freeze = llvm::dyn_cast<llvm::FreezeInst>(&one)) {
            freezes.push_back(freeze);
        }
    }
    if (freezes.empty()) {
        return;
    }
    const Values nothing = what_may_be_nothing(function);
    for (llvm::FreezeInst* freeze : freezes) {
        llvm::Value* value = freeze->getOperand(0);
        const bool is_idle = llvm::isa<llvm::Instruction>(value) ? !nothing.contains(value)
                                                                 : !may_be_nothing(*value);
        if (is_idle) {
            freeze->replaceAllUsesWith(value);
            freeze->eraseFromParent();
        }
    }
}

} // namespace skep::optimise
