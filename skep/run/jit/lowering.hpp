// SPDX-License-Identifier: Apache-2.0
//
// Lowering: walks a verified program once and says it to a Target.
//
// What is the same for every machine is decided here: which facts are used, which neighbours become
// one, what is a call and what is done in place. Two instructions are only ever joined when no jump
// arrives between them. A fact makes code cheaper and is used only when the program carries it;
// nothing here is needed for the program to be safe, since that was proved before. Arithmetic that
// may become part of something else waits in deferred.hpp.
//
// Proved by: tests/jit, tests/conformance, tests/engines (equal answers with the interpreter).
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "skep/helpers/own_memory.hpp"
#include "skep/run/jit/deferred.hpp"
#include "skep/run/jit/key_pieces.hpp"
#include "skep/run/jit/liveness.hpp"
#include "skep/run/jit/plan.hpp"
#include "skep/run/jit/recompose.hpp"
#include "skep/run/jit/target.hpp"
#include "skep/spec/helpers.hpp"

namespace skep::run::jit {

enum class Deferring : bool { no, yes };

template <Target T>
class Lowering {
  public:
    // Without deferring, every number of the program goes through a verb that is given it alone.
    Lowering(const verify::VerifiedProgram& program, const Plan& plan, MapShapes shapes, T& target,
             Deferring deferring = Deferring::yes) // NOLINT: what it works on
        : program_(program), plan_(plan), shapes_(shapes), target_(target), deferring_(deferring),
          deferred_(target), live_(live_before(plan)), recomposed_(recompose(plan, live_)),
          dropped_(recomposed_.dropped.empty() ? nullptr : recomposed_.dropped.data()),
          entries_(plan.memory()) {}

    Image run() {
        entries_.reserve(plan_.functions.size());
        for (std::size_t i = 0; i < plan_.functions.size(); ++i) {
            entries_.push_back(target_.new_label());
        }
        WorkList<typename T::Mark> starts(plan_.memory());
        starts.reserve(plan_.functions.size());
        if (plan_.gate.has_value()) {
            target_.begin_function(*plan_.gate);
            target_.call_subprogram(entries_.front());
            target_.leave(*plan_.gate);
        }
        for (std::size_t i = 0; i < plan_.functions.size(); ++i) {
            starts.push_back(target_.here());
            lower_function(plan_.functions[i], entries_[i]);
        }
        const typename T::Mark end = target_.here();
        if (plan_.gate.value_or(plan_.functions.front().frame).calls_back) {
            target_.callback_entry();
        }
        Image image;
        target_.finish(image);
        tell_offsets(image, starts);
        image.insn_offsets.back() = target_.settled(end);
        return image;
    }

  private:
    // A function's prologue belongs to its first instruction.
    void tell_offsets(Image& image, std::span<const typename T::Mark> starts) const {
        const auto slots = static_cast<std::uint32_t>(plan_.insns.size());
        image.insn_offsets.resize(slots + 1);
        for (std::uint32_t at = 0; at < slots; ++at) {
            image.insn_offsets[at] = target_.settled(Label{at});
        }
        image.subprogram_offsets.reserve(starts.size());
        for (std::size_t i = 0; i < starts.size(); ++i) {
            const std::uint32_t offset = target_.settled(starts[i]);
            image.subprogram_offsets.push_back(offset);
            image.insn_offsets[plan_.functions[i].start] = offset;
        }
    }

    void lower_function(const Function& function, Label entry) {
        frame_ = function.frame;
        leave_ = target_.new_label();
        leave_is_bound_ = false;
        target_.bind(entry);
        target_.begin_function(frame_);
        const std::uint32_t* const order = plan_.order.empty() ? nullptr : plan_.order.data();
        for (place_ = function.start; place_ < function.end;) {
            place_ += lower_at(order == nullptr ? place_ : order[place_], function.end);
        }
        if (!leave_is_bound_) {
            leave();
        }
    }

    static bool divides(AluOp op) {
        return op == AluOp::div || op == AluOp::mod || op == AluOp::sdiv || op == AluOp::smod;
    }

    // Lowers the instruction here, with those that it is joined with; answers how many slots that
    // was.
    std::uint32_t lower_at(std::uint32_t at, std::uint32_t end) {
        if (plan_.is_target(at)) {
            arrive(at);
        } else {
            target_.pass(at);
        }
        const Insn& one = insn(at);
        if (dropped_ != nullptr && dropped_[at] != Recomposed::kSaid) {
            load_whole(at);
            return 1;
        }
        if (one.kind == InsnKind::alu) {
            lower_alu(at, one);
            return 1;
        }
        const std::uint32_t slots = join(at, end);
        if (slots == 0) {
            lower(at, one);
        }
        if (std::max(slots, one.slots()) == 2) {
            target_.pass_as(at + 1, at);
            return 2;
        }
        return 1;
    }

    void arrive(std::uint32_t at) {
        deferred_.settle(live_[at]);
        if (plan_.has(kLoopHead, at)) {
            target_.align_loop();
        }
        target_.bind(at);
    }

    // What is read after an instruction that goes on with the next.
    [[nodiscard]] RegSet live_after(std::uint32_t at) const { return live_[at + insn(at).slots()]; }

    // Makes what the instruction reads real, and its address as short as it can be.
    [[gnu::always_inline]] Address access(std::uint32_t at, Reg base, Reg other) {
        if (deferred_.is_empty()) {
            return {base, kNoIndex, insn(at).offset};
        }
        RegSet reads = effects(at).reads;
        if (other != base) {
            reads = static_cast<RegSet>(reads & ~set_of(base));
        }
        return deferred_.prepare_access({base, kNoIndex, insn(at).offset}, reads,
                                        effects(at).writes, live_after(at));
    }

    void prepare(std::uint32_t at) {
        if (deferred_.is_empty()) {
            return;
        }
        deferred_.prepare(effects(at).reads, effects(at).writes, live_after(at));
    }

    void lower(std::uint32_t at, const Insn& one) {
        switch (one.kind) {
        case InsnKind::load_wide:
            return lower_wide(at, one);
        case InsnKind::load:
            return lower_load(at, one);
        case InsnKind::store_imm:
            return target_.store_imm({one.size_bytes}, access(at, one.dst, kNoIndex), one.imm);
        case InsnKind::store_reg:
            return target_.store({one.size_bytes}, access(at, one.dst, one.src), one.src);
        case InsnKind::atomic:
            return lower_atomic(at, one);
        case InsnKind::packet_absolute:
        case InsnKind::packet_indirect:
            return lower_packet_load(at, one);
        case InsnKind::jump:
            return lower_jump(at, one);
        case InsnKind::jump_always:
            return lower_goto(at);
        case InsnKind::may_goto:
            deferred_.settle(live_[at]);
            return target_.jump_when_budget_is_used_up(target_of(at));
        case InsnKind::call_helper:
            return lower_helper(at, one);
        case InsnKind::call_subprogram:
            prepare(at);
            return target_.call_subprogram(entry_at(target_of(at)));
        case InsnKind::call_register:
            prepare(at);
            return target_.call_helper_in(one.dst);
        case InsnKind::exit:
            return lower_exit();
        case InsnKind::address_space_cast:
            prepare(at);
            // Without an arena both address spaces are one.
            return target_.alu({AluOp::mov, Width::w64}, one.dst, one.src);
        case InsnKind::alu:        // has been lowered
        case InsnKind::call_kfunc: // refused by the plan
            return;
        }
    }

    void lower_alu(std::uint32_t at, const Insn& one) {
        if (plan_.has(kKnown, at)) {
            prepare(at);
            return say_number(at);
        }
        if (deferring_ == Deferring::yes &&
            deferred_.defer(one, static_cast<RegSet>(live_[at + 1] | effects(at).reads))) {
            return;
        }
        prepare(at);
        Operation operation{one.alu_op, one.width};
        if (one.source == Source::reg) {
            operation.divisor_nonzero = divides(one.alu_op) && facts(at).divisor_nonzero;
            target_.alu(operation, one.dst, one.src);
        } else {
            target_.alu_imm(operation, one.dst, one.imm);
        }
    }

    // The known number, unless nobody reads it: what it was for is a number too.
    void say_number(std::uint32_t at) {
        const Reg dst = insn(at).dst;
        if ((live_after(at) & set_of(dst)) != 0) {
            target_.number(dst, facts(at).constant.value_or(0));
        }
    }

    void lower_wide(std::uint32_t at, const Insn& one) {
        const auto index = static_cast<std::uint32_t>(one.imm);
        prepare(at);
        if ((live_after(at) & set_of(one.dst)) == 0) {
            return; // a map, for a look-up that is done in place
        }
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
        if (plan_.has(kKnown, at)) {
            prepare(at);
            return say_number(at);
        }
        const Address from = access(at, one.src, kNoIndex);
        if (plan_.has(kCalls, at)) { // it may fault, and then reads zero
            target_.load_or_zero({one.size_bytes, one.extend}, one.dst, from);
        } else {
            target_.load({one.size_bytes, one.extend}, one.dst, from);
        }
    }

    // What stands here goes away; the load of the whole number may be said instead.
    void load_whole(std::uint32_t at) {
        const WideLoad* const wide = recomposed_.load_at(at);
        if (wide == nullptr) {
            return;
        }
        const Address from = deferred_.prepare_access({wide->base, kNoIndex, wide->offset},
                                                      RegSet{0}, set_of(wide->dst), live_after(at));
        target_.load({wide->size_bytes}, wide->dst, from);
        if (wide->swapped) {
            const AluOp swap = wide->size_bytes == 2   ? AluOp::bswap16
                               : wide->size_bytes == 4 ? AluOp::bswap32
                                                       : AluOp::bswap64;
            target_.alu_imm({swap, Width::w64}, wide->dst, 0);
        }
    }

    void lower_atomic(std::uint32_t at, const Insn& one) {
        const bool loads = one.atomic_op == AtomicOp::load_acq; // the other way round
        const Reg base = loads ? one.src : one.dst;
        const Reg value = loads ? one.dst : one.src;
        // An exchange reads R0 too, so a base of R0 is no address part that can wait.
        const bool reads_base = one.atomic_op == AtomicOp::cmpxchg && base == 0;
        target_.atomic(one.atomic_op, {one.size_bytes},
                       access(at, base,
                              loads        ? kNoIndex
                              : reads_base ? base
                                           : value),
                       value);
    }

    // The socket buffer is in R6 (a rule of these old instructions); R1 to R5 are free.
    void lower_packet_load(std::uint32_t at, const Insn& one) {
        prepare(at);
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
        deferred_.settle(live_[at]);
        if (facts(at).never_taken) {
            return;
        }
        if (facts(at).always_taken) {
            return jump_to(at);
        }
        compare_and_jump(one, {one.jump_op, one.width}, target_of(at));
    }

    // Where layout put what it goes to behind it, and nobody else goes there, control just goes on.
    void lower_goto(std::uint32_t at) {
        const std::uint32_t target = target_of(at);
        if (plan_.is_target(target)) {
            deferred_.settle(live_[at]);
            jump_to(at);
        }
    }

    // Not to what follows anyway.
    void jump_to(std::uint32_t at) {
        if (!stands_after(target_of(at), 1)) {
            target_.jump(target_of(at));
        }
    }

    // Whether the slot stands so many behind the one that is being lowered.
    [[nodiscard]] bool stands_after(std::uint32_t slot, std::uint32_t distance) const {
        return plan_.place_of(slot) == place_ + distance;
    }

    void compare_and_jump(const Insn& one, Comparison comparison, Label label) {
        if (one.source == Source::reg) {
            target_.jump_if(comparison, one.dst, one.src, label);
        } else {
            target_.jump_if_imm(comparison, one.dst, one.imm, label);
        }
    }

    void lower_helper(std::uint32_t at, const Insn& one) {
        prepare(at);
        const MapShape* map = looked_up(one, facts(at), shapes_);
        if (map != nullptr && map->way == LookupWay::function) {
            MapShape shape = *map;
            shape.key_pieces = pieces_of_key(plan_, at, shape.key_bytes);
            target_.function_lookup(shape);
        } else if (one.imm == number_of(spec::Helper::get_smp_processor_id)) {
            target_.cpu_number();
        } else if (one.imm == number_of(spec::Helper::tail_call)) {
            target_.call_routine(frame_.is_entry ? Routine::tail_call_at_the_end
                                                 : Routine::tail_call,
                                 LeaveWhen::happened, leave_);
        } else {
            if (helpers::reads_any_address(one.imm)) {
                target_.tell_frame(frame_.stack_bytes);
            }
            target_.call_helper(
                {.referent = Referent::helper, .index = static_cast<std::uint32_t>(one.imm)});
        }
    }

    void lower_exit() {
        deferred_.settle(set_of(0));
        const bool is_short = !frame_.is_entry && frame_.stack_bytes == 0 && frame_.saved == 0 &&
                              !frame_.calls; // nothing but a return
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

    // Lowers the instruction when it may be joined with the next; answers how many slots that was,
    // zero when it has not been lowered.
    std::uint32_t join(std::uint32_t at, std::uint32_t end) {
        const bool is_followed = place_ + 1 < end && !plan_.is_target(at + 1);
        if (insn(at).kind == InsnKind::jump) {
            return is_followed ? join_jumps(at, end) : 0;
        }
        return insn(at).kind == InsnKind::call_helper ? look_up_in_place(at, is_followed) : 0;
    }

    // r0 = map_lookup_elem(...); if r0 == 0 goto far: whether there is such an element has been
    // compared already.
    std::uint32_t look_up_in_place(std::uint32_t at, bool is_followed) {
        const MapShape* map = looked_up(insn(at), facts(at), shapes_);
        if (map == nullptr || map->way != LookupWay::in_place) {
            return 0;
        }
        Lookup lookup;
        lookup.shape = *map;
        lookup.key = deferred_.settle_access(2, effects(at).writes, live_[at + 1]);
        if (!is_followed || !asks_for_null(at + 1)) {
            target_.array_lookup(lookup);
            return 1;
        }
        const Label there = target_of(at + 1);
        if (insn(at + 1).jump_op == JumpOp::jeq) {
            lookup.when_null = there;
            lookup.reads_null = (live_[there] & set_of(0)) != 0;
            target_.array_lookup(lookup);
            return 2;
        }
        const Label null = target_.new_label();
        lookup.when_null = null;
        lookup.reads_null = (live_[at + 2] & set_of(0)) != 0;
        target_.array_lookup(lookup);
        target_.jump(there);
        target_.bind(null);
        return 2;
    }

    [[nodiscard]] bool asks_for_null(std::uint32_t at) const {
        const Insn& one = insn(at);
        const bool is_asked = one.jump_op == JumpOp::jeq || one.jump_op == JumpOp::jne;
        return one.kind == InsnKind::jump && is_asked && one.source == Source::imm &&
               one.imm == 0 && one.dst == 0 && one.width == Width::w64 && !facts(at).never_taken &&
               !facts(at).always_taken;
    }

    // if c goto next+1; goto far  ->  if not c goto far
    std::uint32_t join_jumps(std::uint32_t at, std::uint32_t end) {
        const Insn& one = insn(at);
        const Insn& next = insn(at + 1);
        if (next.kind != InsnKind::jump_always || !stands_after(target_of(at), 2) ||
            place_ + 2 >= end || facts(at).never_taken || facts(at).always_taken) {
            return 0;
        }
        deferred_.settle(live_[at]);
        compare_and_jump(one, {one.jump_op, one.width, true}, target_of(at + 1));
        return 2;
    }

    [[nodiscard]] const Insn& insn(std::uint32_t at) const { return plan_.insns[at]; }
    [[nodiscard]] const verify::InsnFacts& facts(std::uint32_t at) const {
        return program_.facts()[at];
    }
    [[nodiscard]] Effects effects(std::uint32_t at) const { return plan_.effects[at]; }
    [[nodiscard]] Label target_of(std::uint32_t at) const {
        return static_cast<Label>(insn(at).target(InsnIndex{at}));
    }
    [[nodiscard]] Label entry_at(std::uint32_t slot) const {
        return entries_[plan_.function_at(slot)];
    }

    const verify::VerifiedProgram& program_;
    const Plan& plan_;
    MapShapes shapes_;
    T& target_;
    Deferring deferring_;
    Deferred<T> deferred_;
    WorkList<RegSet> live_; // by slot: read from there on
    Recomposed recomposed_;
    const std::uint8_t* dropped_; // of it; null: nothing
    WorkList<Label> entries_;     // by function
    Frame frame_;
    std::uint32_t place_ = 0; // in the order of the code, of what is being lowered
    Label leave_ = 0;
    bool leave_is_bound_ = false;
};

} // namespace skep::run::jit
