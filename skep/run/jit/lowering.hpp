// SPDX-License-Identifier: Apache-2.0
//
// Lowering: walks a verified program once and says it to a Target.
//
// What is the same for every machine is decided here: which facts are used, which neighbours become
// one, what is a call and what is done in place. Two instructions are only ever joined when no jump
// arrives between them. A fact makes code cheaper and is used only when the program carries it;
// nothing here is needed for the program to be safe, since that was proved before.
//
// Proved by: jit_test.cpp, tests/conformance, tests/engines (equal answers with the interpreter).
#pragma once

#include <optional>
#include <vector>

#include "skep/run/jit/plan.hpp"
#include "skep/run/jit/target.hpp"

namespace skep::run::jit {

template <Target T>
class Lowering {
  public:
    Lowering(const verify::VerifiedProgram& program, const Plan& plan, ArrayShapes shapes,
             T& target)
        : program_(program), plan_(plan), shapes_(shapes), target_(target),
          marks_(plan.insns.size()) {}

    Image run() {
        for (std::size_t i = 0; i < plan_.functions.size(); ++i) {
            entries_.push_back(target_.new_label());
        }
        std::vector<typename T::Mark> starts;
        for (std::size_t i = 0; i < plan_.functions.size(); ++i) {
            starts.push_back(target_.here());
            lower_function(plan_.functions[i], entries_[i]);
        }
        const typename T::Mark end = target_.here();
        target_.callback_entry();
        Image image;
        target_.finish(image);
        for (const typename T::Mark& mark : marks_) {
            image.insn_offsets.push_back(target_.settled(mark));
        }
        image.insn_offsets.push_back(target_.settled(end));
        for (const typename T::Mark& mark : starts) {
            image.subprogram_offsets.push_back(target_.settled(mark));
        }
        image.callback_offset = target_.settled(end);
        return image;
    }

  private:
    void lower_function(const Function& function, Label entry) {
        frame_ = function.frame;
        leave_ = target_.new_label();
        leave_is_bound_ = false;
        target_.bind(entry);
        const typename T::Mark begin = target_.here();
        target_.begin_function(frame_);
        for (std::uint32_t at = function.start; at < function.end;) {
            const std::uint32_t slots = lower_at(at, function.end);
            at += slots;
        }
        marks_[function.start] = begin; // the prologue belongs to the first instruction
        if (!leave_is_bound_) {
            leave();
        }
    }

    // Lowers the instruction here, with those that it is joined with; answers how many slots that
    // was.
    std::uint32_t lower_at(std::uint32_t at, std::uint32_t end) {
        target_.bind(at);
        const typename T::Mark mark = target_.here();
        const std::uint32_t joined = join(at, end);
        const std::uint32_t slots = joined != 0 ? joined : insn(at).slots();
        if (joined == 0) {
            lower(at);
        }
        for (std::uint32_t slot = at; slot < at + slots; ++slot) {
            marks_[slot] = mark;
        }
        return slots;
    }

    void lower(std::uint32_t at) {
        const Insn& one = insn(at);
        switch (one.kind) {
        case InsnKind::alu:
            return lower_alu(at, one);
        case InsnKind::load_wide:
            return lower_wide(at, one);
        case InsnKind::load:
            return lower_load(at, one);
        case InsnKind::store_imm:
            return target_.store_imm({one.size_bytes}, {one.dst, kNoIndex, one.offset}, one.imm);
        case InsnKind::store_reg:
            return target_.store({one.size_bytes}, {one.dst, kNoIndex, one.offset}, one.src);
        case InsnKind::atomic:
            return lower_atomic(one);
        case InsnKind::packet_absolute:
        case InsnKind::packet_indirect:
            return lower_packet_load(one);
        case InsnKind::jump:
            return lower_jump(at, one);
        case InsnKind::jump_always:
            return target_.jump(target_of(at));
        case InsnKind::may_goto:
            return target_.jump_when_budget_is_used_up(target_of(at));
        case InsnKind::call_helper:
            return lower_helper(at, one);
        case InsnKind::call_subprogram:
            return target_.call_subprogram(entry_at(target_of(at)));
        case InsnKind::call_register:
            return target_.call_helper_in(one.dst);
        case InsnKind::exit:
            return lower_exit();
        case InsnKind::address_space_cast:
            // Without an arena both address spaces are one.
            return target_.alu({AluOp::mov, Width::w64}, one.dst, one.src);
        case InsnKind::call_kfunc: // refused by the plan
            return;
        }
    }

    void lower_alu(std::uint32_t at, const Insn& one) {
        const verify::InsnFacts& known = facts(at);
        if (known.constant.has_value()) {
            return target_.number(one.dst, *known.constant);
        }
        const Operation operation{one.alu_op, one.width, known.divisor_nonzero};
        if (one.source == Source::reg) {
            target_.alu(operation, one.dst, one.src);
        } else {
            target_.alu_imm(operation, one.dst, one.imm);
        }
    }

    void lower_wide(std::uint32_t at, const Insn& one) {
        const auto index = static_cast<std::uint32_t>(one.imm);
        if (one.wide_source == WideSource::number) {
            target_.number(one.dst, one.imm64());
        } else if (one.wide_source == WideSource::function) {
            target_.subprogram_address(one.dst,
                                       entry_at(static_cast<std::uint32_t>(at + 1 + index)));
        } else if (one.wide_source == WideSource::map_index) {
            target_.reference(one.dst, {.referent = Referent::map, .index = index});
        } else {
            target_.reference(
                one.dst, {.referent = Referent::map_value, .index = index, .addend = one.imm_high});
        }
    }

    void lower_load(std::uint32_t at, const Insn& one) {
        const verify::InsnFacts& known = facts(at);
        const Address from{one.src, kNoIndex, one.offset};
        if (known.constant.has_value()) {
            target_.number(one.dst, *known.constant);
        } else if (known.fault_reads_zero) {
            target_.load_or_zero({one.size_bytes, one.extend}, one.dst, from);
        } else {
            target_.load({one.size_bytes, one.extend}, one.dst, from);
        }
    }

    void lower_atomic(const Insn& one) {
        const bool loads = one.atomic_op == AtomicOp::load_acq; // the other way round
        target_.atomic(one.atomic_op, {one.size_bytes},
                       {loads ? one.src : one.dst, kNoIndex, one.offset},
                       loads ? one.dst : one.src);
    }

    // The socket buffer is in R6 (a rule of these old instructions); R1 to R5 are free.
    void lower_packet_load(const Insn& one) {
        if (one.kind == InsnKind::packet_indirect) {
            target_.alu({AluOp::mov, Width::w32}, 2, one.src);
            target_.alu_imm({AluOp::add, Width::w32}, 2, one.imm);
        } else {
            target_.alu_imm({AluOp::mov, Width::w32}, 2, one.imm);
        }
        target_.alu({AluOp::mov, Width::w64}, 1, 6);
        target_.number(3, one.size_bytes);
        target_.call_routine(Routine::packet_load, LeaveWhen::not_happened, leave_);
    }

    void lower_jump(std::uint32_t at, const Insn& one) {
        if (facts(at).never_taken) {
            return;
        }
        if (facts(at).always_taken) {
            return target_.jump(target_of(at));
        }
        compare_and_jump(one, {one.jump_op, one.width}, target_of(at));
    }

    void compare_and_jump(const Insn& one, Comparison comparison, Label label) {
        if (one.source == Source::reg) {
            target_.jump_if(comparison, one.dst, one.src, label);
        } else {
            target_.jump_if_imm(comparison, one.dst, one.imm, label);
        }
    }

    void lower_helper(std::uint32_t at, const Insn& one) {
        if (const std::optional<ArrayShape> shape = inlined_array(one, facts(at), shapes_)) {
            target_.array_lookup(*shape);
        } else if (one.imm == kTailCall) {
            target_.call_routine(Routine::tail_call, LeaveWhen::happened, leave_);
        } else {
            target_.call_helper(
                {.referent = Referent::helper, .index = static_cast<std::uint32_t>(one.imm)});
        }
    }

    void lower_exit() {
        const bool is_short =
            frame_.is_entry && frame_.stack_bytes == 0 && !frame_.calls; // nothing but a return
        if (leave_is_bound_ && !is_short) {
            target_.jump(leave_);
        } else {
            leave();
        }
    }

    void leave() {
        if (!leave_is_bound_) {
            target_.bind(leave_);
            leave_is_bound_ = true;
        }
        target_.leave(frame_);
    }

    // Joining neighbours. Each answers how many slots it took, 0 for none.

    std::uint32_t join(std::uint32_t at, std::uint32_t end) {
        if (at + 1 >= end || plan_.is_target(at + 1)) {
            return 0;
        }
        const InsnKind kind = insn(at).kind;
        if (kind == InsnKind::alu) {
            const std::uint32_t slots = join_address(at, end);
            return slots != 0 ? slots : join_shifts(at);
        }
        return kind == InsnKind::jump ? join_jumps(at, end) : 0;
    }

    // if c goto next+1; goto far  ->  if not c goto far
    std::uint32_t join_jumps(std::uint32_t at, std::uint32_t end) {
        const Insn& one = insn(at);
        const Insn& next = insn(at + 1);
        if (one.jump_slots != 1 || next.kind != InsnKind::jump_always || at + 2 >= end ||
            facts(at).never_taken || facts(at).always_taken) {
            return 0;
        }
        compare_and_jump(one, {one.jump_op, one.width, true}, target_of(at + 1));
        return 2;
    }

    // d = b; d += i; d = *(d + n)  ->  d = *(b + i + n), or as much of it as there is.
    std::uint32_t join_address(std::uint32_t at, std::uint32_t end) {
        const bool copies = is_alu64(at, AluOp::mov) && insn(at).source == Source::reg &&
                            insn(at).src != insn(at).dst;
        const Reg dst = insn(at).dst;
        const std::uint32_t add_at = copies ? at + 1 : at;
        if (!is_alu64(add_at, AluOp::add) || insn(add_at).dst != dst) {
            return 0;
        }
        const Insn& add = insn(add_at);
        Address address{copies ? insn(at).src : dst};
        if (add.source == Source::imm) {
            address.displacement = add.imm;
        } else if (add.src != dst) {
            address.index = add.src;
        } else {
            return 0;
        }
        const std::uint32_t load_at = add_at + 1;
        if (load_at < end && !plan_.is_target(load_at) && loads_over_itself(load_at, dst)) {
            const Insn& load = insn(load_at);
            const std::int64_t displacement = std::int64_t{address.displacement} + load.offset;
            if (displacement >= INT32_MIN && displacement <= INT32_MAX) {
                address.displacement = static_cast<std::int32_t>(displacement);
                target_.load({load.size_bytes, load.extend}, dst, address);
                return load_at + 1 - at;
            }
        }
        if (!copies) {
            return 0;
        }
        target_.sum(dst, address);
        return 2;
    }

    // d <<= 32; d >>= 32 keeps the low half, with or without its sign.
    std::uint32_t join_shifts(std::uint32_t at) {
        const Insn& one = insn(at);
        const Insn& next = insn(at + 1);
        if (!is_alu64(at, AluOp::lsh) || one.source != Source::imm || one.imm != 32 ||
            next.dst != one.dst || next.source != Source::imm || next.imm != 32) {
            return 0;
        }
        if (is_alu64(at + 1, AluOp::rsh)) {
            target_.alu({AluOp::mov, Width::w32}, one.dst, one.dst);
            return 2;
        }
        if (is_alu64(at + 1, AluOp::arsh)) {
            target_.alu({AluOp::movsx32, Width::w64}, one.dst, one.dst);
            return 2;
        }
        return 0;
    }

    bool is_alu64(std::uint32_t at, AluOp op) const {
        const Insn& one = insn(at);
        return one.kind == InsnKind::alu && one.width == Width::w64 && one.alu_op == op;
    }

    bool loads_over_itself(std::uint32_t at, Reg reg) const {
        const Insn& one = insn(at);
        return one.kind == InsnKind::load && one.src == reg && one.dst == reg &&
               !facts(at).fault_reads_zero;
    }

    [[nodiscard]] const Insn& insn(std::uint32_t at) const { return plan_.insns[at]; }
    [[nodiscard]] const verify::InsnFacts& facts(std::uint32_t at) const {
        return program_.facts()[at];
    }
    [[nodiscard]] Label target_of(std::uint32_t at) const {
        return static_cast<Label>(insn(at).target(InsnIndex{at}));
    }
    [[nodiscard]] Label entry_at(std::uint32_t slot) const {
        return entries_[plan_.function_of[slot]];
    }

    const verify::VerifiedProgram& program_;
    const Plan& plan_;
    ArrayShapes shapes_;
    T& target_;
    std::vector<typename T::Mark> marks_; // by slot
    std::vector<Label> entries_;          // by function
    Frame frame_;
    Label leave_ = 0;
    bool leave_is_bound_ = false;
};

} // namespace skep::run::jit
