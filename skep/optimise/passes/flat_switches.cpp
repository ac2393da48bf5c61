// SPDX-License-Identifier: Apache-2.0
#include "skep/optimise/passes/flat_switches.hpp"

#include <algorithm>
#include <vector>

#include <llvm/ADT/MapVector.h>
#include <llvm/Analysis/IVDescriptors.h>
#include <llvm/Analysis/LoopInfo.h>
#include <llvm/Analysis/ScalarEvolution.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/IntrinsicInst.h>

namespace skep::optimise {
namespace {

using llvm::BasicBlock;

constexpr unsigned kCasesMost = 16; // as comparisons they are all made in each round
constexpr unsigned kBlocksMost = 64;

bool is_counted_or_summed(llvm::PHINode& carried, llvm::Loop& loop,
                          llvm::ScalarEvolution& evolution) {
    llvm::InductionDescriptor induction;
    llvm::RecurrenceDescriptor reduction;
    return llvm::InductionDescriptor::isInductionPHI(&carried, &loop, &evolution, induction) ||
           llvm::RecurrenceDescriptor::isReductionPHI(&carried, &loop, reduction, nullptr, nullptr,
                                                      nullptr, &evolution);
}

bool calls_nobody(const BasicBlock& block) {
    return std::ranges::all_of(block, [](const llvm::Instruction& one) {
        return !llvm::isa<llvm::CallBase>(one) || llvm::isa<llvm::IntrinsicInst>(one);
    });
}

bool could_be_vectors(llvm::Loop& loop, llvm::ScalarEvolution& evolution) {
    const BasicBlock* latch = loop.getLoopLatch();
    return loop.isInnermost() && loop.isLoopSimplifyForm() && loop.getExitingBlock() == latch &&
           loop.getNumBlocks() <= kBlocksMost &&
           evolution.hasLoopInvariantBackedgeTakenCount(&loop) &&
           std::ranges::all_of(loop.blocks(),
                               [](const BasicBlock* block) { return calls_nobody(*block); }) &&
           std::ranges::all_of(loop.getHeader()->phis(), [&](llvm::PHINode& carried) {
               return is_counted_or_summed(carried, loop, evolution);
           });
}

// Places in the order in which cases name them first, without the one that all else goes to.
using Cases = llvm::MapVector<BasicBlock*, std::vector<llvm::ConstantInt*>>;

Cases cases_of(llvm::SwitchInst& one) {
    Cases cases;
    for (const auto& each : one.cases()) {
        if (each.getCaseSuccessor() != one.getDefaultDest()) {
            cases[each.getCaseSuccessor()].push_back(each.getCaseValue());
        }
    }
    return cases;
}

// A place that several ways led to from one block has one way from another now.
void comes_from(BasicBlock& place, BasicBlock& before, BasicBlock& now) {
    for (llvm::PHINode& phi : place.phis()) {
        llvm::Value* value = phi.getIncomingValueForBlock(&before);
        phi.removeIncomingValueIf([&](unsigned i) { return phi.getIncomingBlock(i) == &before; },
                                  false);
        phi.addIncoming(value, &now);
    }
}

void flatten(llvm::SwitchInst& one, llvm::Loop& loop, llvm::LoopInfo& loops) {
    BasicBlock* const begin = one.getParent();
    BasicBlock* const otherwise = one.getDefaultDest();
    llvm::Value* const value = one.getCondition();
    const Cases cases = cases_of(one);
    one.eraseFromParent();
    BasicBlock* at = begin;
    std::size_t left = cases.size();
    for (const auto& [place, values] : cases) {
        llvm::IRBuilder<> builder(at);
        llvm::Value* is_one = nullptr;
        for (llvm::ConstantInt* each : values) {
            llvm::Value* equal = builder.CreateICmpEQ(value, each);
            is_one = is_one == nullptr ? equal : builder.CreateOr(is_one, equal);
        }
        BasicBlock* next = otherwise;
        if (--left != 0) {
            next = BasicBlock::Create(begin->getContext(), "", begin->getParent(), otherwise);
            loop.addBasicBlockToLoop(next, loops);
        }
        builder.CreateCondBr(is_one, place, next);
        comes_from(*place, *begin, *at);
        at = left != 0 ? next : at;
    }
    comes_from(*otherwise, *begin, *at);
}

std::vector<llvm::SwitchInst*> switches_of(const llvm::Loop& loop) {
    std::vector<llvm::SwitchInst*> found;
    for (BasicBlock* block : loop.blocks()) {
        auto* one = llvm::dyn_cast<llvm::SwitchInst>(block->getTerminator());
        if (one != nullptr && !cases_of(*one).empty()) {
            found.push_back(one);
        }
    }
    return found;
}

bool are_small(const std::vector<llvm::SwitchInst*>& switches) {
    unsigned cases = 0;
    for (const llvm::SwitchInst* one : switches) {
        cases += one->getNumCases();
    }
    return cases <= kCasesMost;
}

} // namespace

llvm::PreservedAnalyses FlatSwitches::run(llvm::Function& function,
                                          llvm::FunctionAnalysisManager& analyses) {
    auto& loops = analyses.getResult<llvm::LoopAnalysis>(function);
    std::vector<std::pair<llvm::SwitchInst*, llvm::Loop*>> chosen; // all, before any is changed
    for (llvm::Loop* loop : loops.getLoopsInPreorder()) {
        const std::vector<llvm::SwitchInst*> switches = switches_of(*loop);
        if (switches.empty() || !are_small(switches) ||
            !could_be_vectors(*loop, analyses.getResult<llvm::ScalarEvolutionAnalysis>(function))) {
            continue;
        }
        for (llvm::SwitchInst* one : switches) {
            chosen.emplace_back(one, loop);
        }
    }
    for (const auto& [one, loop] : chosen) {
        flatten(*one, *loop, loops);
    }
    return chosen.empty() ? llvm::PreservedAnalyses::all() : llvm::PreservedAnalyses::none();
}

} // namespace skep::optimise
