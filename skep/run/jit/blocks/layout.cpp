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
    explicit Layout(Plan& plan) : plan_(plan) {}

    void make() {
        const bool gains = std::any_of(plan_.gotos.begin(), plan_.gotos.end(),
                                       [this](std::uint32_t at) { return joins(at); });
        if (!gains) {
            return;
        }
        constexpr std::size_t kUsualExits = 8;
        chunks_.reserve(plan_.gotos.size() + kUsualExits);
        order_.reserve(plan_.gotos.size() + kUsualExits);
        for (const Function& function : plan_.functions) {
            order(function);
        }
        move();
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
        Chunk* next = &chunks_.front();
        for (auto rest = chunks_.begin(); rest != chunks_.end();) {
            if (next == nullptr) {
                next = &*rest;
            }
            next = place(*next);
            rest = std::find_if(rest, chunks_.end(),
                                [](const Chunk& chunk) { return !chunk.is_placed; });
        }
    }

    // Answers which chunk it is that should follow, if any.
    Chunk* place(Chunk& chunk) {
        chunk.is_placed = true;
        order_.push_back(chunk);
        const std::uint32_t last = chunk.end - 1;
        if (insn(last).kind != InsnKind::jump_always) {
            return nullptr;
        }
        const std::uint32_t target = target_of(last);
        const auto found =
            std::lower_bound(chunks_.begin(), chunks_.end(), target,
                             [](const Chunk& one, std::uint32_t at) { return one.start < at; });
        const bool follows = found != chunks_.end() && found->start == target && !found->is_placed;
        return follows ? &*found : nullptr;
    }

    void move() {
        const std::size_t slots = plan_.insns.size();
        places_.resize(slots);
        plan_.running.resize(slots);
        Moved moved;
        moved.insns.reserve(slots);
        moved.marks.reserve(slots);
        moved.effects.reserve(slots);
        std::uint32_t to = 0;
        for (const Chunk& chunk : order_) {
            append(moved.insns, plan_.insns, chunk);
            append(moved.marks, plan_.marks, chunk);
            append(moved.effects, plan_.effects, chunk);
            for (std::uint32_t at = chunk.start; at < chunk.end; ++at, ++to) {
                places_[at] = to;
                plan_.running[to] = at;
            }
        }
        plan_.insns.swap(moved.insns);
        plan_.marks.swap(moved.marks);
        plan_.effects.swap(moved.effects);
        aim();
    }

    struct Moved {
        std::vector<Insn> insns;
        std::vector<std::uint8_t> marks;
        std::vector<Effects> effects;
    };

    template <class T>
    static void append(std::vector<T>& to, const std::vector<T>& from, const Chunk& chunk) {
        to.insert(to.end(), from.begin() + chunk.start, from.begin() + chunk.end);
    }

    [[nodiscard]] std::int32_t distance(std::int64_t target, std::uint32_t to) const {
        return static_cast<std::int32_t>(places_[static_cast<std::size_t>(target)] - to - 1);
    }

    // What instructions go to has moved, as they have. Finds jumps back anew, and where none
    // arrives any more but the goto that became nothing.
    void aim() {
        plan_.back_jumps.clear();
        std::vector<std::uint8_t> arrivals(plan_.insns.size()); // two are many
        for (std::uint32_t to = 0; to < plan_.insns.size(); ++to) {
            if ((plan_.marks[to] & (kBranches | kCalls | kSecondSlot)) == 0) {
                continue;
            }
            Insn& insn = plan_.insns[to];
            const std::uint32_t from = plan_.running[to];
            if (jumps(insn.kind)) {
                insn.jump_slots = distance(insn.target(InsnIndex{from}), to);
                const std::uint32_t target = target_of(to);
                arrivals[target] = arrivals[target] == 0 ? 1 : 2;
                if (target <= to) {
                    plan_.back_jumps.push_back({to, target});
                }
            } else if (insn.kind == InsnKind::call_subprogram) {
                insn.jump_slots = distance(insn.target(InsnIndex{from}), to);
            } else if (plan_.has(kSecondSlot, to)) {
                aim_wide(to);
            }
        }
        for (const std::uint32_t from : plan_.gotos) {
            const std::uint32_t at = places_[from];
            if (plan_.insns[at].jump_slots == 0 && arrivals[at + 1] == 1) {
                plan_.marks[at + 1] = static_cast<std::uint8_t>(plan_.marks[at + 1] & ~kArrives);
            }
        }
    }

    void aim_wide(std::uint32_t second) {
        const std::uint32_t to = second - 1;
        Insn& insn = plan_.insns[to];
        if (insn.wide_source == WideSource::function) {
            insn.imm = distance(std::int64_t{plan_.running[to]} + 1 + insn.imm, to);
        }
        plan_.insns[second] = insn;
    }

    static bool jumps(InsnKind kind) {
        return kind == InsnKind::jump || kind == InsnKind::jump_always ||
               kind == InsnKind::may_goto;
    }

    Plan& plan_;
    std::vector<Chunk> chunks_; // of one function
    std::vector<Chunk> order_;
    std::vector<std::uint32_t> places_; // where a slot goes
};

} // namespace

void lay_out(Plan& plan) {
    if (!plan.gotos.empty()) {
        Layout(plan).make();
    }
}

} // namespace skep::run::jit
