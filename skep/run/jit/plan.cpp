// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/plan.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "skep/spec/helpers.hpp"

namespace skep::run::jit {
namespace {

constexpr std::int64_t kShortLoopSlots = 32;
constexpr std::uint32_t kWholeStack =
    512; // what a function may use at most, when nothing was proved

Error unsupported(std::uint32_t at, std::string_view what) {
    return fail(Code::unsupported, fmt::format("instruction {}: {}", at, what));
}

class Planner {
  public:
    Planner(const verify::VerifiedProgram& program, MapShapes shapes)
        : program_(program), shapes_(shapes) {}

    Result<Plan> make() {
        if (program_.insns().empty()) {
            return fail(Code::invalid_input, "a program without instructions");
        }
        plan_.insns = TRY(decode_all(program_.insns()));
        const std::size_t slots = plan_.insns.size();
        plan_.arrives.resize(slots);
        plan_.function_of.resize(slots);
        starts_.resize(slots);
        starts_[0] = 1;
        plan_.second_slot.resize(slots);
        for (std::uint32_t at = 0; at < slots; at += plan_.insns[at].slots()) {
            if (plan_.insns[at].slots() == 2) {
                plan_.second_slot[at + 1] = 1;
            }
        }
        for (std::uint32_t at = 0; at < slots; at += plan_.insns[at].slots()) {
            TRY(look_at(at));
        }
        find_functions();
        find_short_loops();
        TRY(check_ends());
        return std::move(plan_);
    }

  private:
    // A slot inside the program where an instruction begins.
    Result<std::uint32_t> place(std::uint32_t at, std::int64_t target) {
        const bool inside = target >= 0 && target < static_cast<std::int64_t>(plan_.insns.size());
        const bool second_slot = inside && plan_.second_slot[static_cast<std::size_t>(target)] != 0;
        if (!inside || second_slot) {
            return fail(Code::invalid_input,
                        fmt::format("instruction {}: goes to slot {}, where no instruction begins",
                                    at, target));
        }
        return static_cast<std::uint32_t>(target);
    }

    Result<void> look_at(std::uint32_t at) {
        const Insn& insn = plan_.insns[at];
        switch (insn.kind) {
        case InsnKind::may_goto:
            has_budget_ = true;
            [[fallthrough]];
        case InsnKind::jump:
        case InsnKind::jump_always:
            plan_.arrives[TRY(place(at, insn.target(InsnIndex{at})))] = 1;
            return {};
        case InsnKind::call_subprogram: {
            const std::uint32_t target = TRY(place(at, insn.target(InsnIndex{at})));
            starts_[target] = 1;
            entry_is_called_ |= target == 0;
            return {};
        }
        case InsnKind::load_wide:
            return look_at_wide(at, insn);
        case InsnKind::call_kfunc:
            return unsupported(at, "kernel functions cannot be called by this engine");
        case InsnKind::alu:
        case InsnKind::load:
        case InsnKind::store_imm:
        case InsnKind::store_reg:
        case InsnKind::atomic:
        case InsnKind::packet_absolute:
        case InsnKind::packet_indirect:
        case InsnKind::call_helper:
        case InsnKind::call_register:
        case InsnKind::exit:
        case InsnKind::address_space_cast:
            return {};
        }
        return {};
    }

    Result<void> look_at_wide(std::uint32_t at, const Insn& insn) {
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
        case WideSource::function: {
            const std::uint32_t target = TRY(place(at, std::int64_t{at} + 1 + insn.imm));
            starts_[target] = 1;
            entry_is_called_ |= target == 0;
            hands_out_functions_ = true;
            return {};
        }
        case WideSource::map_fd:
        case WideSource::map_value_fd:
            return unsupported(at, "a map is named by a descriptor, which means nothing here");
        case WideSource::btf_variable:
            return unsupported(at, "variables of the kernel are not reachable from this engine");
        }
        return {};
    }

    // From where a jump goes back to, to the jump; the innermost alone.
    void find_short_loops() {
        const auto slots = static_cast<std::uint32_t>(plan_.insns.size());
        plan_.loop_heads.resize(slots);
        std::int64_t last_head = -1;
        for (std::uint32_t at = 0; at < slots; at += plan_.insns[at].slots()) {
            const Insn& insn = plan_.insns[at];
            if (insn.kind != InsnKind::jump && insn.kind != InsnKind::jump_always) {
                continue;
            }
            const std::int64_t head = insn.target(InsnIndex{at});
            if (head <= at && at - head <= kShortLoopSlots && head > last_head &&
                comes_back(static_cast<std::uint32_t>(head), at)) {
                plan_.loop_heads[static_cast<std::size_t>(head)] = 1;
                last_head = head;
            }
        }
    }

    // Whether what begins at the head leads on to the jump. Else the jump only comes from a block
    // that stands behind what it belongs to.
    [[nodiscard]] bool comes_back(std::uint32_t head, std::uint32_t jump) const {
        std::uint64_t reached = 1; // bit i: slot head + i
        for (std::uint32_t at = head; at < jump; at += plan_.insns[at].slots()) {
            const Insn& insn = plan_.insns[at];
            if ((reached >> (at - head) & 1) == 0) {
                continue;
            }
            if (insn.kind != InsnKind::jump_always && insn.kind != InsnKind::exit) {
                reached |= 1ULL << (at + insn.slots() - head);
            }
            const bool jumps = insn.kind == InsnKind::jump || insn.kind == InsnKind::jump_always ||
                               insn.kind == InsnKind::may_goto;
            const std::int64_t target = jumps ? insn.target(InsnIndex{at}) : 0;
            if (target > at && target <= jump) {
                reached |= 1ULL << (target - head);
            }
        }
        return (reached >> (jump - head) & 1) != 0;
    }

    void find_functions() {
        const auto slots = static_cast<std::uint32_t>(plan_.insns.size());
        for (std::uint32_t at = 0; at < slots; ++at) {
            if (starts_[at] != 0) {
                plan_.functions.push_back({at, slots, Frame()});
            }
            plan_.function_of[at] = static_cast<std::uint32_t>(plan_.functions.size() - 1);
        }
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

    Frame frame_of(const Function& function) const {
        Frame frame;
        std::uint32_t named = 0; // registers, by bit
        for (std::uint32_t at = function.start; at < function.end; at += plan_.insns[at].slots()) {
            const Insn& insn = plan_.insns[at];
            named |= 1U << insn.dst | 1U << insn.src;
            frame.calls |= calls(insn, program_.facts()[at]);
        }
        const bool uses_stack = (named >> kFramePointer & 1U) != 0;
        frame.saved = static_cast<std::uint8_t>(named >> 6 & 0xfU); // R6 to R9
        frame.stack_bytes = uses_stack ? proved_stack(function) : 0;
        return frame;
    }

    std::uint32_t proved_stack(const Function& function) const {
        for (const verify::SubprogramFacts& facts : program_.subprograms()) {
            if (facts.start.value == function.start && facts.stack_bytes != 0) {
                return std::min(facts.stack_bytes, kWholeStack);
            }
        }
        return kWholeStack;
    }

    bool calls(const Insn& insn, const verify::InsnFacts& facts) const {
        switch (insn.kind) {
        case InsnKind::call_helper:
            return !is_inlined(insn, facts, shapes_);
        case InsnKind::call_subprogram:
        case InsnKind::call_register:
        case InsnKind::packet_absolute:
        case InsnKind::packet_indirect:
            return true;
        case InsnKind::load:
            return facts.fault_reads_zero;
        case InsnKind::alu:
        case InsnKind::load_wide:
        case InsnKind::store_imm:
        case InsnKind::store_reg:
        case InsnKind::atomic:
        case InsnKind::jump:
        case InsnKind::jump_always:
        case InsnKind::may_goto:
        case InsnKind::call_kfunc:
        case InsnKind::exit:
        case InsnKind::address_space_cast:
            return false;
        }
        return true;
    }

    // The last instruction of a function must not run into what follows.
    Result<void> check_ends() const {
        for (const Function& function : plan_.functions) {
            std::uint32_t last = function.end - 1;
            last -= plan_.second_slot[last];
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
    std::vector<std::uint8_t> starts_; // by slot: 1 where a function begins
    bool entry_is_called_ = false;
    bool hands_out_functions_ = false;
    bool has_budget_ = false;
};

} // namespace

const MapShape* looked_up(const Insn& insn, const verify::InsnFacts& facts, MapShapes shapes) {
    const auto index = static_cast<std::size_t>(facts.map_index);
    if (insn.kind != InsnKind::call_helper ||
        insn.imm != number_of(spec::Helper::map_lookup_elem) || facts.map_index < 0 ||
        index >= shapes.size()) {
        return nullptr;
    }
    return &shapes[index];
}

bool is_inlined(const Insn& insn, const verify::InsnFacts& facts, MapShapes shapes) {
    const MapShape* map = looked_up(insn, facts, shapes);
    return insn.imm == number_of(spec::Helper::get_smp_processor_id) ||
           (map != nullptr && map->way == LookupWay::in_place);
}

Result<Plan> make_plan(const verify::VerifiedProgram& program, MapShapes shapes) {
    return Planner(program, shapes).make();
}

} // namespace skep::run::jit
