// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/plan.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "skep/run/jit/blocks/layout.hpp"
#include "skep/run/jit/recompose.hpp"
#include "skep/spec/helpers.hpp"

namespace skep::run::jit {
namespace {

constexpr std::uint32_t kShortLoopSlots = 32;
constexpr std::uint32_t kWholeStack =
    512; // what a function may use at most, when nothing was proved

Error unsupported(std::uint32_t at, std::string_view what) {
    return fail(Code::unsupported, fmt::format("instruction {}: {}", at, what));
}

class Planner {
  public:
    Planner(const verify::VerifiedProgram& program, MapShapes shapes,
            std::pmr::memory_resource* memory)
        : program_(program), shapes_(shapes), plan_(memory) {}

    Result<Plan> make(Blocks blocks) {
        if (program_.insns().empty()) {
            return fail(Code::invalid_input, "a program without instructions");
        }
        plan_.insns = TRY(decode_all(program_.insns()));
        const auto slots = static_cast<std::uint32_t>(plan_.insns.size());
        plan_.marks.resize(slots);
        plan_.effects.resize(slots);
        note_start(0);
        for (std::uint32_t at = 0; at < slots; ++at) {
            const Insn& insn = plan_.insns[at];
            plan_.effects[at] = effects_of(insn);
            if (computes(insn.kind)) {
                note_facts(at, insn);
            } else if (insn.kind == InsnKind::jump && is_inside(insn.target(InsnIndex{at}))) {
                note_jump(at, static_cast<std::uint32_t>(insn.target(InsnIndex{at})));
            } else if (!only_stores(insn.kind)) {
                TRY(look_at(at, insn));
                at += insn.slots() - 1;
            }
        }
        find_functions();
        TRY(check_ends());
        if (blocks == Blocks::laid_out && lay_out(plan_)) {
            find_short_loops(jumps_back());
        } else {
            find_short_loops(plan_.back_jumps);
        }
        return std::move(plan_);
    }

  private:
    // Most programs have either no such thing or a few: then memory is asked for once.
    template <class T>
    static void add(WorkList<T>& list, T one) {
        constexpr std::size_t kUsual = 24;
        if (list.capacity() == 0) {
            list.reserve(kUsual);
        }
        list.push_back(one);
    }

    void mark(std::uint32_t slot, SlotMark what) {
        plan_.marks[slot] = static_cast<std::uint8_t>(plan_.marks[slot] | what);
    }

    static bool computes(InsnKind kind) { return kind == InsnKind::alu || kind == InsnKind::load; }
    static bool only_stores(InsnKind kind) {
        return kind == InsnKind::store_imm || kind == InsnKind::store_reg;
    }

    void note_facts(std::uint32_t at, const Insn& insn) {
        const verify::InsnFacts& known = program_.facts()[at];
        if (known.constant.has_value()) {
            plan_.effects[at].reads = 0;
            mark(at, kKnown);
        }
        if (insn.kind == InsnKind::alu) {
            if (moves_bytes(insn)) {
                add(plan_.byte_moves, at);
            }
        } else if (known.fault_reads_zero) {
            mark(at, kCalls);
        }
    }

    // Something that was seen before may go there.
    Result<void> skip_second_slot(std::uint32_t slot) {
        for (std::uint32_t at = 0; plan_.marks[slot] != 0 && at < slot; ++at) {
            if (goes_to(at) == slot) {
                return no_instruction(at, slot);
            }
        }
        plan_.marks[slot] = kSecondSlot;
        return {};
    }

    [[nodiscard]] std::int64_t goes_to(std::uint32_t at) const {
        const Insn& insn = plan_.insns[at];
        const bool names_function =
            insn.kind == InsnKind::load_wide && insn.wide_source == WideSource::function;
        return names_function ? std::int64_t{at} + 1 + insn.imm : insn.target(InsnIndex{at});
    }

    static Error no_instruction(std::uint32_t at, std::int64_t target) {
        return fail(Code::invalid_input,
                    fmt::format("instruction {}: goes to slot {}, where no instruction begins", at,
                                target));
    }

    // Where the instruction goes: a slot inside the program that is no second one as far as is
    // seen.
    Result<std::uint32_t> place(std::uint32_t at) {
        const std::int64_t target = goes_to(at);
        if (!is_inside(target)) {
            return no_instruction(at, target);
        }
        return static_cast<std::uint32_t>(target);
    }
    [[nodiscard]] bool is_inside(std::int64_t target) const {
        return static_cast<std::uint64_t>(target) < plan_.marks.size() &&
               !plan_.has(kSecondSlot, static_cast<std::uint32_t>(target));
    }

    Result<void> look_at(std::uint32_t at, const Insn& insn) {
        switch (insn.kind) {
        case InsnKind::alu:
        case InsnKind::load:
        case InsnKind::store_imm:
        case InsnKind::store_reg:
        case InsnKind::atomic:
        case InsnKind::address_space_cast:
            return {};
        case InsnKind::may_goto:
            has_budget_ = true;
            return look_at_jump(at);
        case InsnKind::jump:
        case InsnKind::jump_always:
            return look_at_jump(at);
        case InsnKind::exit:
            mark(at, kBranches);
            return {};
        case InsnKind::call_subprogram:
            mark(at, kCalls);
            return look_at_function(at);
        case InsnKind::call_helper:
            look_at_helper(at, insn);
            return {};
        case InsnKind::packet_absolute:
        case InsnKind::packet_indirect:
        case InsnKind::call_register:
            mark(at, kCalls);
            return {};
        case InsnKind::load_wide:
            return look_at_wide(at, insn);
        case InsnKind::call_kfunc:
            return unsupported(at, "kernel functions cannot be called by this engine");
        }
        return {};
    }

    Result<void> look_at_jump(std::uint32_t at) {
        if (!is_inside(goes_to(at))) {
            return no_instruction(at, goes_to(at));
        }
        note_jump(at, static_cast<std::uint32_t>(goes_to(at)));
        return {};
    }

    void note_jump(std::uint32_t at, std::uint32_t target) {
        mark(at, kBranches);
        plan_.marks[target] = static_cast<std::uint8_t>(
            plan_.marks[target] | (plan_.is_target(target) ? kMeets : kArrives));
        if (plan_.insns[at].kind == InsnKind::jump_always) {
            add(plan_.gotos, at);
        }
        if (target <= at) {
            add(plan_.back_jumps, BackJump{at, target});
        }
    }

    // What is done in place, or by a function of the map, reads less than a helper might.
    void look_at_helper(std::uint32_t at, const Insn& insn) {
        const MapShape* map = looked_up(insn, program_.facts()[at], shapes_);
        if (insn.imm == number_of(spec::Helper::get_smp_processor_id)) {
            plan_.effects[at].reads = 0;
        } else if (map != nullptr && map->way == LookupWay::in_place) {
            plan_.effects[at].reads = set_of(2);
        } else {
            mark(at, kCalls);
        }
        if (map != nullptr && map->way == LookupWay::function) {
            plan_.effects[at].reads = static_cast<RegSet>(set_of(1) | set_of(2));
        }
    }

    Result<void> look_at_function(std::uint32_t at) {
        const std::uint32_t target = TRY(place(at));
        note_start(target);
        entry_is_called_ |= target == 0;
        return {};
    }

    Result<void> look_at_wide(std::uint32_t at, const Insn& insn) {
        TRY(skip_second_slot(at + 1));
        switch (insn.wide_source) {
        case WideSource::number:
            return {};
        case WideSource::map_index:
        case WideSource::map_value_index:
            if (static_cast<std::uint32_t>(insn.imm) >= program_.maps().size()) {
                return fail(Code::invalid_input,
                            fmt::format("instruction {}: there is no map {}", at, insn.imm));
            }
            return {};
        case WideSource::function:
            hands_out_functions_ = true;
            return look_at_function(at);
        case WideSource::map_fd:
        case WideSource::map_value_fd:
            return unsupported(at, "a map is named by a descriptor, which means nothing here");
        case WideSource::btf_variable:
            return unsupported(at, "variables of the kernel are not reachable from this engine");
        }
        return {};
    }

    // By their places in the order of the code.
    [[nodiscard]] WorkList<BackJump> jumps_back() const {
        WorkList<BackJump> jumps(plan_.memory());
        for (std::uint32_t place = 0; place < plan_.order.size(); ++place) {
            const std::uint32_t at = plan_.order[place];
            if (plan_.has(kBranches, at) && plan_.insns[at].kind != InsnKind::exit) {
                const std::uint32_t target = plan_.places[static_cast<std::size_t>(goes_to(at))];
                if (target <= place) {
                    add(jumps, BackJump{place, target});
                }
            }
        }
        return jumps;
    }

    // From where a jump goes back to, to the jump; the innermost alone. All by places.
    void find_short_loops(std::span<const BackJump> jumps) {
        std::int64_t last_head = -1;
        for (const BackJump& jump : jumps) {
            const bool counts = plan_.insns[plan_.slot_at(jump.at)].kind != InsnKind::may_goto;
            if (counts && jump.at - jump.target <= kShortLoopSlots && jump.target > last_head &&
                comes_back(jump)) {
                mark(plan_.slot_at(jump.target), kLoopHead);
                last_head = jump.target;
            }
        }
    }

    // Whether what begins at the head leads on to the jump. Else the jump only comes from a block
    // that stands behind what it belongs to.
    [[nodiscard]] bool comes_back(BackJump jump) const {
        const std::uint32_t head = jump.target;
        std::uint64_t reached = 1; // bit i: place head + i
        for (std::uint32_t place = head; place < jump.at;) {
            const std::uint32_t at = plan_.slot_at(place);
            const std::uint32_t next = place + plan_.insns[at].slots();
            if ((reached >> (place - head) & 1) != 0) {
                reached |= reached_from(at, next, jump);
            }
            place = next;
        }
        return (reached >> (jump.at - head) & 1) != 0;
    }

    [[nodiscard]] std::uint64_t reached_from(std::uint32_t at, std::uint32_t next,
                                             BackJump jump) const {
        const Insn& insn = plan_.insns[at];
        std::uint64_t reached = 0;
        if (insn.kind != InsnKind::jump_always && insn.kind != InsnKind::exit) {
            reached |= 1ULL << (next - jump.target);
        }
        if (plan_.has(kBranches, at) && insn.kind != InsnKind::exit) {
            const std::uint32_t target = plan_.place_of(static_cast<std::uint32_t>(goes_to(at)));
            if (target >= next && target <= jump.at) {
                reached |= 1ULL << (target - jump.target);
            }
        }
        return reached;
    }

    void note_start(std::uint32_t slot) {
        if (!plan_.has(kStart, slot)) {
            mark(slot, kStart);
            plan_.functions.push_back({slot, slot, Frame()});
        }
    }

    void find_functions() {
        std::sort(
            plan_.functions.begin(), plan_.functions.end(),
            [](const Function& one, const Function& other) { return one.start < other.start; });
        plan_.functions.back().end = static_cast<std::uint32_t>(plan_.insns.size());
        for (std::size_t i = 0; i + 1 < plan_.functions.size(); ++i) {
            plan_.functions[i].end = plan_.functions[i + 1].start;
        }
        for (Function& function : plan_.functions) {
            function.frame = frame_of(function);
        }
        if (entry_is_called_) {
            plan_.gate = entry_frame(Frame{.calls = true});
        } else {
            plan_.functions.front().frame = entry_frame(plan_.functions.front().frame);
        }
    }

    // A helper that calls back may be abandoned where it stands, with what it has put into the
    // registers that it keeps: then the entry keeps all of them.
    [[nodiscard]] Frame entry_frame(Frame frame) const {
        constexpr std::uint8_t kAllSaved = 0xf;
        frame.is_entry = true;
        frame.calls_back = hands_out_functions_;
        frame.has_budget = has_budget_;
        frame.keeps_frame_pointer = hands_out_functions_;
        frame.saved = hands_out_functions_ ? kAllSaved : frame.saved;
        for (const Function& function : plan_.functions) {
            frame.saved = static_cast<std::uint8_t>(frame.saved | function.frame.saved);
            frame.keeps_frame_pointer |= function.frame.stack_bytes != 0;
        }
        return frame;
    }

    [[nodiscard]] Frame frame_of(const Function& function) const {
        const std::uint32_t slots = function.end - function.start;
        RegSet named = 0;
        for (const Effects& effects : std::span(plan_.effects).subspan(function.start, slots)) {
            named = static_cast<RegSet>(named | effects.reads | effects.writes);
        }
        std::uint32_t marks = 0;
        for (const std::uint8_t mark : std::span(plan_.marks).subspan(function.start, slots)) {
            marks |= mark;
        }
        Frame frame;
        frame.calls = (marks & kCalls) != 0;
        frame.saved = static_cast<std::uint8_t>(named >> 6 & 0xfU); // R6 to R9
        frame.stack_bytes = (named & set_of(kFramePointer)) != 0 ? proved_stack(function) : 0;
        return frame;
    }

    [[nodiscard]] std::uint32_t proved_stack(const Function& function) const {
        for (const verify::SubprogramFacts& facts : program_.subprograms()) {
            if (facts.start.value == function.start && facts.stack_bytes != 0) {
                return std::min(facts.stack_bytes, kWholeStack);
            }
        }
        return kWholeStack;
    }

    // The last instruction of a function must not run into what follows.
    Result<void> check_ends() const {
        for (const Function& function : plan_.functions) {
            std::uint32_t last = function.end - 1;
            last -= plan_.has(kSecondSlot, last) ? 1 : 0;
            const InsnKind kind = plan_.insns[last].kind;
            if (kind != InsnKind::exit && kind != InsnKind::jump_always) {
                return fail(
                    Code::invalid_input,
                    fmt::format("instruction {}: the function ends without exit or jump", last));
            }
        }
        return {};
    }

    const verify::VerifiedProgram& program_;
    MapShapes shapes_;
    Plan plan_;
    bool entry_is_called_ = false;
    bool hands_out_functions_ = false;
    bool has_budget_ = false;
};

} // namespace

std::uint32_t Plan::function_at(std::uint32_t slot) const {
    const auto found = std::lower_bound(
        functions.begin(), functions.end(), slot,
        [](const Function& function, std::uint32_t start) { return function.start < start; });
    SKEP_ASSERT(found != functions.end() && found->start == slot);
    return static_cast<std::uint32_t>(found - functions.begin());
}

const MapShape* looked_up(const Insn& insn, const verify::InsnFacts& facts, MapShapes shapes) {
    const auto index = static_cast<std::size_t>(facts.map_index);
    if (insn.kind != InsnKind::call_helper ||
        insn.imm != number_of(spec::Helper::map_lookup_elem) || facts.map_index < 0 ||
        index >= shapes.size()) {
        return nullptr;
    }
    return &shapes[index];
}

Result<Plan> make_plan(const verify::VerifiedProgram& program, MapShapes shapes, Blocks blocks,
                       std::pmr::memory_resource* memory) {
    return Planner(program, shapes, memory).make(blocks);
}

} // namespace skep::run::jit
