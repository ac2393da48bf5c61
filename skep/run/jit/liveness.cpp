// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/liveness.hpp"

#include <algorithm>

namespace skep::run::jit {
namespace {

constexpr int kMostWalks = 16;

// What is live after an instruction that does not, or not always, go on with the next, where `next`
// is live.
RegSet live_after_branch(const Plan& plan, std::span<const RegSet> live, std::uint32_t at,
                         RegSet next) {
    const Insn& insn = plan.insns[at];
    if (insn.kind == InsnKind::exit) {
        return 0;
    }
    const RegSet there = live[static_cast<std::size_t>(insn.target(InsnIndex{at}))];
    return insn.kind == InsnKind::jump_always ? there : static_cast<RegSet>(next | there);
}

// From the slot before `end` to the first. A second slot has no effects, so it passes on what is
// live after it.
void walk(const Plan& plan, std::span<RegSet> live, std::uint32_t end) {
    RegSet next = live[end];
    for (std::uint32_t at = end; at-- > 0;) {
        const RegSet after =
            plan.has(kBranches, at) ? live_after_branch(plan, live, at, next) : next;
        const Effects effects = plan.effects[at];
        next = static_cast<RegSet>(effects.reads | (after & ~effects.writes));
        live[at] = next;
    }
}

} // namespace

WorkList<RegSet> live_before(const Plan& plan) {
    const auto slots = static_cast<std::uint32_t>(plan.insns.size());
    WorkList<RegSet> live(slots + 1, RegSet{0}, plan.memory());
    // What each jump back was told.
    WorkList<RegSet> guesses(plan.back_jumps.size(), RegSet{0}, plan.memory());
    std::uint32_t end = slots;
    for (int walks = 0; end != 0 && walks < kMostWalks; ++walks) {
        walk(plan, live, end);
        end = 0; // one past the last jump back that was told wrong
        for (std::size_t i = 0; i < guesses.size(); ++i) {
            const BackJump& jump = plan.back_jumps[i];
            end = guesses[i] != live[jump.target] ? jump.at + 1 : end;
            guesses[i] = live[jump.target];
        }
    }
    if (end != 0) {
        std::fill(live.begin(), live.end(), kAllRegs);
    }
    return live;
}

} // namespace skep::run::jit
