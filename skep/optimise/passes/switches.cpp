// SPDX-License-Identifier: Apache-2.0
#include "skep/optimise/passes/switches.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include <llvm/ADT/PostOrderIterator.h>
#include <llvm/ADT/SmallPtrSet.h>
#include <llvm/Analysis/ValueTracking.h>
#include <llvm/IR/CFG.h>
#include <llvm/IR/ConstantRange.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>
#include <llvm/Transforms/Utils/Local.h>

namespace skep::optimise {
namespace {

using llvm::BasicBlock;

constexpr std::size_t kComparisonsLeast = 4;
constexpr std::size_t kComparisonsMost = 512;
constexpr std::uint64_t kValuesMost = 512;  // that do not go where most go
constexpr std::size_t kVisitsMost = 50'000; // of comparisons, in one function

// Numbers without sign, both ends in.
struct Interval {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
};
using Values = std::vector<Interval>;

Values common(const Values& one, const Values& other) {
    Values result;
    for (const Interval& a : one) {
        for (const Interval& b : other) {
            const Interval both{std::max(a.first, b.first), std::min(a.last, b.last)};
            if (both.first <= both.last) {
                result.push_back(both);
            }
        }
    }
    return result;
}

// How many, less one where that would be 2^64.
std::uint64_t count_of(const Values& values) {
    std::uint64_t count = 0;
    for (const Interval& one : values) {
        const std::uint64_t size = one.last - one.first + 1;
        const std::uint64_t sum = count + size;
        count = sum < count || size == 0 ? ~0ULL : sum;
    }
    return count;
}

Values without(const Values& values, std::uint64_t one) {
    Values result;
    for (const Interval& interval : values) {
        if (one < interval.first || one > interval.last) {
            result.push_back(interval);
            continue;
        }
        if (one > interval.first) {
            result.push_back({interval.first, one - 1});
        }
        if (one < interval.last) {
            result.push_back({one + 1, interval.last});
        }
    }
    return result;
}

Values of_region(const llvm::ConstantRange& region) {
    if (region.isEmptySet()) {
        return {};
    }
    const std::uint64_t most = llvm::APInt::getMaxValue(region.getBitWidth()).getZExtValue();
    if (region.isFullSet()) {
        return {{0, most}};
    }
    const std::uint64_t first = region.getLower().getZExtValue();
    const std::uint64_t last = (region.getUpper() - 1).getZExtValue();
    return first <= last ? Values{{first, last}} : Values{{0, last}, {first, most}};
}

// What a value may be.
Values possible(const llvm::Value& value, const llvm::DataLayout& layout) {
    return of_region(
        llvm::ConstantRange::fromKnownBits(llvm::computeKnownBits(&value, layout), false));
}

// How a block ends that goes on by what one value is.
struct Fork {
    struct Way {
        BasicBlock* to = nullptr;
        Values values; // of all 64-bit numbers
    };
    llvm::Value* value = nullptr;
    llvm::Instruction* condition = nullptr; // a comparison of its own, if any
    std::vector<Way> ways;
    std::size_t comparisons = 0;
};

bool is_comparable(const llvm::Value& value) {
    return value.getType()->isIntegerTy() && value.getType()->getIntegerBitWidth() <= 64;
}

std::optional<Fork> fork_of(llvm::BranchInst& branch) {
    if (!branch.isConditional() || branch.getSuccessor(0) == branch.getSuccessor(1)) {
        return std::nullopt;
    }
    auto* comparison = llvm::dyn_cast<llvm::ICmpInst>(branch.getCondition());
    const auto* constant = comparison == nullptr
                               ? nullptr
                               : llvm::dyn_cast<llvm::ConstantInt>(comparison->getOperand(1));
    if (constant == nullptr || !is_comparable(*constant)) {
        return std::nullopt;
    }
    const auto region =
        llvm::ConstantRange::makeExactICmpRegion(comparison->getPredicate(), constant->getValue());
    return Fork{comparison->getOperand(0),
                comparison,
                {{branch.getSuccessor(0), of_region(region)},
                 {branch.getSuccessor(1), of_region(region.inverse())}},
                1};
}

std::optional<Fork> fork_of(llvm::SwitchInst& one) {
    if (!is_comparable(*one.getCondition()) || one.getNumCases() > kComparisonsMost) {
        return std::nullopt;
    }
    Fork fork{one.getCondition(), nullptr, {}, one.getNumCases()};
    Values rest{{0, ~0ULL}};
    for (const auto& each : one.cases()) {
        const std::uint64_t value = each.getCaseValue()->getZExtValue();
        fork.ways.push_back({each.getCaseSuccessor(), {{value, value}}});
        rest = without(rest, value);
    }
    fork.ways.push_back({one.getDefaultDest(), rest});
    return fork;
}

std::optional<Fork> fork_at_end(BasicBlock& block) {
    if (auto* branch = llvm::dyn_cast<llvm::BranchInst>(block.getTerminator())) {
        return fork_of(*branch);
    }
    auto* one = llvm::dyn_cast<llvm::SwitchInst>(block.getTerminator());
    return one != nullptr ? fork_of(*one) : std::nullopt;
}

// Where some of the values go, and from which block.
struct Leaf {
    BasicBlock* from = nullptr;
    BasicBlock* to = nullptr;
    Values values;
};

class Tree {
  public:
    Tree(BasicBlock& block, Fork root) : block_(&block), root_(std::move(root)) {}

    // False where it is too small or too large.
    bool explore() {
        visit(*block_, root_, possible(*root_.value, block_->getModule()->getDataLayout()));
        if (inner_.empty() || comparisons_ < kComparisonsLeast || comparisons_ > kComparisonsMost) {
            return false;
        }
        const auto commonest = std::ranges::max_element(
            leaves_, {}, [](const Leaf& leaf) { return count_of(leaf.values); });
        std::iter_swap(leaves_.begin(), commonest); // the default comes first
        std::uint64_t values = 0;
        for (std::size_t i = 1; i < leaves_.size(); ++i) {
            values += std::min(count_of(leaves_[i].values), kValuesMost + 1);
        }
        return values <= kValuesMost;
    }

    void replace() {
        llvm::Instruction* old = block_->getTerminator();
        std::vector<BasicBlock*> targets;
        targets.reserve(leaves_.size());
        for (const Leaf& leaf : leaves_) {
            targets.push_back(way_to(leaf));
        }
        auto* made = llvm::IRBuilder<>(old).CreateSwitch(root_.value, targets.front());
        for (std::size_t i = 1; i < leaves_.size(); ++i) {
            add_cases(*made, leaves_[i].values, *targets[i]);
        }
        for (unsigned i = 0; i < old->getNumSuccessors(); ++i) {
            old->getSuccessor(i)->removePredecessor(block_, true);
        }
        old->eraseFromParent();
    }

    [[nodiscard]] const std::vector<BasicBlock*>& inner_blocks() const { return inner_; }

  private:
    static void add_cases(llvm::SwitchInst& made, const Values& values, BasicBlock& target) {
        llvm::Type* type = made.getCondition()->getType();
        for (const Interval& one : values) {
            const std::uint64_t count = one.last - one.first + 1; // kValuesMost at most
            for (std::uint64_t i = 0; i < count; ++i) {
                made.addCase(
                    llvm::cast<llvm::ConstantInt>(llvm::ConstantInt::get(type, one.first + i)),
                    &target);
            }
        }
    }

    // A block that does nothing but go on by the same value, and that is no way back.
    [[nodiscard]] std::optional<Fork> inner(BasicBlock& block) const {
        std::optional<Fork> fork = &block == block_ ? std::nullopt : fork_at_end(block);
        if (!fork.has_value() || fork->value != root_.value) {
            return std::nullopt;
        }
        for (const llvm::Instruction& one : block.instructionsWithoutDebug()) {
            if (!one.isTerminator() && (&one != fork->condition || !one.hasOneUse())) {
                return std::nullopt;
            }
        }
        return fork;
    }

    void visit(BasicBlock& block, const Fork& fork, const Values& values) {
        comparisons_ += fork.comparisons;
        for (const Fork::Way& way : fork.ways) {
            const Values those = common(values, way.values);
            if (those.empty() || comparisons_ > kComparisonsMost) {
                continue;
            }
            if (const std::optional<Fork> next = inner(*way.to)) {
                inner_.push_back(way.to);
                visit(*way.to, *next, those);
            } else {
                add_leaf({&block, way.to, those});
            }
        }
    }

    // Ways from one block to one target, and ways to a target that does not ask whence, are one.
    void add_leaf(Leaf leaf) {
        for (Leaf& known : leaves_) {
            if (known.to == leaf.to && comes_alike(known, leaf)) {
                known.values.insert(known.values.end(), leaf.values.begin(), leaf.values.end());
                return;
            }
        }
        leaves_.push_back(std::move(leaf));
    }

    static bool comes_alike(const Leaf& one, const Leaf& other) {
        return one.from == other.from ||
               std::ranges::all_of(one.to->phis(), [&](const llvm::PHINode& phi) {
                   return phi.getIncomingValueForBlock(one.from) ==
                          phi.getIncomingValueForBlock(other.from);
               });
    }

    // A block of its own for each way, since a target may ask whence; what is too much goes again.
    BasicBlock* way_to(const Leaf& leaf) {
        BasicBlock* way =
            BasicBlock::Create(block_->getContext(), "", block_->getParent(), leaf.to);
        llvm::IRBuilder<>(way).CreateBr(leaf.to);
        for (llvm::PHINode& phi : leaf.to->phis()) {
            phi.addIncoming(phi.getIncomingValueForBlock(leaf.from), way);
        }
        return way;
    }

    BasicBlock* block_;
    Fork root_;
    std::size_t comparisons_ = 0;
    std::vector<Leaf> leaves_;
    std::vector<BasicBlock*> inner_;
};

} // namespace

llvm::PreservedAnalyses RebuildSwitches::run(llvm::Function& function,
                                             llvm::FunctionAnalysisManager&) {
    // Roots before what hangs on them.
    const llvm::ReversePostOrderTraversal<llvm::Function*> order(&function);
    const std::vector<BasicBlock*> blocks(order.begin(), order.end());
    llvm::SmallPtrSet<BasicBlock*, 16> replaced;
    std::size_t visits = 0;
    for (BasicBlock* block : blocks) {
        std::optional<Fork> fork = fork_at_end(*block);
        if (!fork.has_value() || replaced.contains(block) || visits > kVisitsMost) {
            continue;
        }
        Tree tree(*block, std::move(*fork));
        if (tree.explore()) {
            tree.replace();
            replaced.insert(tree.inner_blocks().begin(), tree.inner_blocks().end());
        }
        visits += tree.inner_blocks().size() + 1;
    }
    const bool changed = !replaced.empty();
    if (changed) {
        llvm::removeUnreachableBlocks(function);
    }
    return changed ? llvm::PreservedAnalyses::none() : llvm::PreservedAnalyses::all();
}

} // namespace skep::optimise
