// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/blocks/layout.hpp"

#include <algorithm>

namespace skep::run::jit {
namespace {

struct Chunk { // slots, half open
    std::uint32_t start = 0;
    std::uint32_t end = 0;
    bool is_placed = false;
};

class Layout {
  public:
    explicit Layout(Plan& plan) : plan_(plan), chunks_(plan.memory()) {}

    bool make() {
        const bool gains = std::any_of(plan_.gotos.begin(), plan_.gotos.end(),
                                       [this](std::uint32_t at) { return joins(at); });
        if (!gains) {
            return false;
        }
        constexpr std::size_t kUsualExits = 8;
        chunks_.reserve(plan_.gotos.size() + kUsualExits);
        plan_.order.resize(plan_.insns.size());
        plan_.places.resize(plan_.insns.size());
        for (const Function& function : plan_.functions) {
            order(function);
        }
        return true;
    }

  private:
    [[nodiscard]] const Insn& insn(std::uint32_t at) const { return plan_.insns[at]; }
    [[nodiscard]] std::uint32_t target_of(std::uint32_t at) const {
        return static_cast<std::uint32_t>(insn(at).target(InsnIndex{at}));
    }

    // Whether the instruction is the last of a chunk. Of `if c goto +1; goto far` the lowering
    // makes one jump, so what follows that stays where it is.
    [[nodiscard]] bool ends_chunk(std::uint32_t at) const {
        if (insn(at).kind == InsnKind::exit) {
            return true;
        }
        const bool is_skipped = at != 0 && insn(at - 1).kind == InsnKind::jump &&
                                insn(at - 1).jump_slots == 1 && !plan_.is_target(at);
        return insn(at).kind == InsnKind::jump_always && !is_skipped;
    }

    // Whether the goto leads to where a chunk begins, other than its own function's first.
    [[nodiscard]] bool joins(std::uint32_t at) const {
        const std::uint32_t target = target_of(at);
        return ends_chunk(at) && target != at + 1 && !plan_.has(kStart, target) &&
               !plan_.has(kSecondSlot, target - 1) && ends_chunk(target - 1);
    }

    void order(const Function& function) {
        chunks_.clear();
        std::uint32_t start = function.start;
        for (std::uint32_t at = start; at < function.end; ++at) {
            if (plan_.has(kBranches, at) && ends_chunk(at)) {
                chunks_.push_back({start, at + 1});
                start = at + 1;
            }
        }
        for (Chunk& chunk : chunks_) {
            for (Chunk* next = chunk.is_placed ? nullptr : &chunk; next != nullptr;) {
                next = place(*next);
            }
        }
    }

    // Answers which chunk it is that must follow, if any.
    Chunk* place(Chunk& chunk) {
        chunk.is_placed = true;
        for (std::uint32_t at = chunk.start; at < chunk.end; ++at, ++placed_) {
            plan_.order[placed_] = at;
            plan_.places[at] = placed_;
        }
        const std::uint32_t last = chunk.end - 1;
        if (insn(last).kind != InsnKind::jump_always) {
            return nullptr;
        }
        const std::uint32_t target = target_of(last);
        const auto found =
            std::lower_bound(chunks_.begin(), chunks_.end(), target,
                             [](const Chunk& one, std::uint32_t at) { return one.start < at; });
        if (found == chunks_.end() || found->start != target || found->is_placed) {
            return nullptr;
        }
        if (!plan_.has(kMeets,
                       target)) { // nobody arrives there but the goto, which becomes nothing
            plan_.marks[target] = static_cast<std::uint8_t>(plan_.marks[target] & ~kArrives);
        }
        return &*found;
    }

    Plan& plan_;
    WorkList<Chunk> chunks_;   // of one function
    std::uint32_t placed_ = 0; // slots
};

} // namespace

bool lay_out(Plan& plan) { return Layout(plan).make(); }

} // namespace skep::run::jit
