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
        std::vector<Chunk> chunks;
        std::uint32_t start = function.start;
        for (std::uint32_t at = start; at < function.end;) {
            const bool ends = ends_chunk(at);
            at += insn(at).slots();
            if (ends || at >= function.end) {
                chunks.push_back({start, at});
                start = at;
            }
        }
        Chunk* next = &chunks.front();
        for (auto rest = chunks.begin(); rest != chunks.end();) {
            if (next == nullptr) {
                next = &*rest;
            }
            next = place(*next, chunks);
            rest = std::find_if(rest, chunks.end(),
                                [](const Chunk& chunk) { return !chunk.is_placed; });
        }
    }

    // Answers which chunk it is that should follow, if any.
    Chunk* place(Chunk& chunk, std::vector<Chunk>& chunks) {
        chunk.is_placed = true;
        order_.push_back(chunk);
        const std::uint32_t last = chunk.end - 1;
        if (insn(last).kind != InsnKind::jump_always) {
            return nullptr;
        }
        const std::uint32_t target = target_of(last);
        const auto found =
            std::lower_bound(chunks.begin(), chunks.end(), target,
                             [](const Chunk& one, std::uint32_t at) { return one.start < at; });
        const bool follows = found != chunks.end() && found->start == target && !found->is_placed;
        return follows ? &*found : nullptr;
    }

    void move() {
        const std::size_t slots = plan_.insns.size();
        std::vector<std::uint32_t> places(slots); // where a slot goes
        plan_.running.reserve(slots);
        for (const Chunk& chunk : order_) {
            for (std::uint32_t at = chunk.start; at < chunk.end; ++at) {
                places[at] = static_cast<std::uint32_t>(plan_.running.size());
                plan_.running.push_back(at);
            }
        }
        std::vector<Insn> insns(slots);
        std::vector<std::uint8_t> marks(slots);
        std::vector<Effects> effects(slots);
        for (std::uint32_t to = 0; to < slots; ++to) {
            const std::uint32_t from = plan_.running[to];
            marks[to] = plan_.marks[from];
            effects[to] = plan_.effects[from];
            insns[to] = plan_.has(kSecondSlot, from) ? insns[to - 1] : aimed(from, to, places);
        }
        plan_.insns = std::move(insns);
        plan_.marks = std::move(marks);
        plan_.effects = std::move(effects);
        look_at_jumps();
    }

    // The instruction at `from`, for the slot `to`: what it goes to may have moved too.
    [[nodiscard]] Insn aimed(std::uint32_t from, std::uint32_t to,
                             const std::vector<std::uint32_t>& places) const {
        Insn moved = insn(from);
        const auto distance = [&](std::int64_t target) {
            return static_cast<std::int32_t>(places[static_cast<std::size_t>(target)] - to - 1);
        };
        if (jumps(moved.kind) || moved.kind == InsnKind::call_subprogram) {
            moved.jump_slots = distance(moved.target(InsnIndex{from}));
        } else if (moved.kind == InsnKind::load_wide && moved.wide_source == WideSource::function) {
            moved.imm = distance(std::int64_t{from} + 1 + moved.imm);
        }
        return moved;
    }

    static bool jumps(InsnKind kind) {
        return kind == InsnKind::jump || kind == InsnKind::jump_always ||
               kind == InsnKind::may_goto;
    }

    // Finds jumps back anew, and where none arrives any more but the goto that became nothing.
    void look_at_jumps() {
        plan_.back_jumps.clear();
        std::vector<std::uint32_t> arrivals(plan_.insns.size());
        for (std::uint32_t at = 0; at < plan_.insns.size(); ++at) {
            if (!plan_.has(kBranches, at) || !jumps(insn(at).kind)) {
                continue;
            }
            const std::uint32_t target = target_of(at);
            ++arrivals[target];
            if (target <= at) {
                plan_.back_jumps.push_back({at, target});
            }
        }
        for (std::uint32_t at = 1; at < plan_.insns.size(); ++at) {
            const Insn& before = insn(at - 1);
            if (arrivals[at] == 1 && before.kind == InsnKind::jump_always &&
                before.jump_slots == 0) {
                plan_.marks[at] = static_cast<std::uint8_t>(plan_.marks[at] & ~kArrives);
            }
        }
    }

    Plan& plan_;
    std::vector<Chunk> order_;
};

} // namespace

void lay_out(Plan& plan) {
    if (!plan.gotos.empty()) {
        Layout(plan).make();
    }
}

} // namespace skep::run::jit
