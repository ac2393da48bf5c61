// SPDX-License-Identifier: Apache-2.0
//
// One instruction of the walk: ask, then step. Calls and exits are in walk_calls.cpp.
#include <fmt/format.h>

#include <cerrno>

#include "skep/spec/program_types.hpp"
#include "skep/verify/access/types/kernel_types.hpp"
#include "skep/verify/explain/refusal.hpp"
#include "skep/verify/explain/value_text.hpp"
#include "skep/verify/explore/walk.hpp"
#include "skep/verify/transfer/alu.hpp"
#include "skep/verify/transfer/branch/jump.hpp"
#include "skep/verify/transfer/registers.hpp"

namespace skep::verify {
namespace {

Finding not_known(std::string_view what) {
    return refuse({.code = FindingCode::not_known_yet,
                   .os_errno = EINVAL,
                   .kernel = fmt::format("{} is not supported by this verifier", what),
                   .because = fmt::format("this verifier does not know {} yet", what)});
}

bool is_division_by_register(const Insn& insn) {
    return insn.source == Source::reg && (insn.alu_op == AluOp::div || insn.alu_op == AluOp::sdiv ||
                                          insn.alu_op == AluOp::mod || insn.alu_op == AluOp::smod);
}

bool has_arena(const Subject& subject) {
    for (std::uint32_t at = 0; at < subject.insns.size(); at += subject.insns[at].slots()) {
        const Insn& insn = subject.insns[at];
        if (insn.refers_to_map() &&
            subject.map(MapRef{static_cast<std::uint32_t>(insn.imm)}).type ==
                spec::MapType::arena) {
            return true;
        }
    }
    return false;
}

// A wide immediate that is an address in the value of a map with one element; shape/references has
// seen to it that there is such a place.
Ruling<Value> map_value_address(const Subject& subject, const Insn& insn) {
    const MapRef ref{static_cast<std::uint32_t>(insn.imm)};
    if (subject.map(ref).type == spec::MapType::arena) {
        return Value::unknown(); // an address of user space
    }
    Value value = Value::pointer(ValueKind::map_value, 0, ref.number);
    value.offset = static_cast<std::int32_t>(insn.imm_high);
    return value;
}

Ruling<Value> wide_value(const Subject& subject, const Insn& insn, InsnIndex at) {
    switch (insn.wide_source) {
    case WideSource::number:
        return Value::constant(insn.imm64());
    case WideSource::map_index:
        return Value::pointer(ValueKind::map_pointer, 0, static_cast<std::uint32_t>(insn.imm));
    case WideSource::map_value_index:
        return map_value_address(subject, insn);
    case WideSource::function: {
        if (subject.program.functions.empty()) {
            return refuse({.code = FindingCode::wrong_function_info,
                           .os_errno = EINVAL,
                           .kernel = "missing btf func_info",
                           .because = "a function's address is taken, and the types of the "
                                      "program's functions did not come along"});
        }
        const InsnIndex target{at.value + 1U + static_cast<std::uint32_t>(insn.imm)};
        return Value::pointer(ValueKind::function, 0, subject.subprogram_at(target).value_or(0));
    }
    case WideSource::btf_variable:
        return address_of_variable(subject, insn);
    case WideSource::map_fd:
    case WideSource::map_value_fd:
        break;
    }
    return not_known("a map by descriptor");
}

} // namespace

Ruling<Walk::Flow> Walk::step(const Insn& insn) {
    switch (insn.kind) {
    case InsnKind::alu:
        return step_alu_insn(insn);
    case InsnKind::load_wide:
        return step_load_wide(insn);
    case InsnKind::load:
    case InsnKind::store_imm:
    case InsnKind::store_reg:
    case InsnKind::atomic:
        return step_memory_insn(insn);
    case InsnKind::packet_absolute:
    case InsnKind::packet_indirect:
        return step_packet_load(insn);
    case InsnKind::jump:
        return step_jump(insn);
    case InsnKind::jump_always:
        path_.at = InsnIndex{static_cast<std::uint32_t>(insn.target(path_.at))};
        return Flow::go_on;
    case InsnKind::may_goto:
        return step_may_goto(insn);
    case InsnKind::call_helper:
        return step_helper(insn);
    case InsnKind::call_subprogram:
        return step_call(insn);
    case InsnKind::call_kfunc:
        return step_kfunc();
    case InsnKind::call_register:
        return not_known("a call through a register");
    case InsnKind::exit:
        return step_exit();
    case InsnKind::address_space_cast:
        return step_cast(insn);
    }
    return not_known("this instruction");
}

Ruling<Walk::Flow> Walk::step_alu_insn(const Insn& insn) {
    TRY(check_registers(path_.state, insn));
    if (speculation_.is_on()) {
        if (const auto unmoved = TRY(speculation_.check_arithmetic(path_.state, insn))) {
            State masked = path_.state;
            masked.set_reg(insn.dst, *unmoved);
            TRY(push_guess(std::move(masked), InsnIndex{path_.at.value + insn.slots()}));
        }
    }
    TRY(check_alu(subject_, path_.state, insn));
    if (is_division_by_register(insn) && !path_.state.speculative) {
        facts_.divided(path_.at, path_.state.reg(insn.src));
    }
    if (speculation_.is_on()) {
        TRY(step_sum(insn));
    } else {
        step_alu(workspace_, path_.state, insn);
    }
    if (!path_.state.speculative) {
        facts_.produced(path_.at, path_.state.reg(insn.dst));
    }
    next(insn);
    return Flow::go_on;
}

// For loaders whose program must be safe where a processor guesses, too.
Ruling<void> Walk::step_sum(const Insn& insn) {
    State after = path_.state;
    step_alu(workspace_, after, insn);
    TRY(speculation_.finish_arithmetic(path_.state, after, insn, path_.at));
    path_.state = std::move(after);
    if (speculation_.masks_numbers()) {
        checkpoints_.demand_equal_numbers();
    }
    return {};
}

Ruling<Walk::Flow> Walk::step_memory_insn(const Insn& insn) {
    TRY(check_registers(path_.state, insn));
    const MemoryPlan plan = TRY(check_memory(subject_, path_.state, insn));
    TRY(facts_.accessed(path_.state, path_.at, plan.base));
    speculation_.note_store(path_.state, insn, plan.base, path_.at);
    step_memory(workspace_, plan, path_.state, insn);
    if (insn.kind == InsnKind::load && !path_.state.speculative) {
        facts_.produced(path_.at, path_.state.reg(insn.dst));
    }
    next(insn);
    return Flow::go_on;
}

// Pages that the program shares with user space have addresses of their own: only those that are
// cast into the kernel's can be used, and none of them can do harm.
Ruling<Walk::Flow> Walk::step_cast(const Insn& insn) {
    constexpr std::int32_t kIntoKernel = 1;
    constexpr std::int32_t kOutOfKernel = 1 << 16;
    if (insn.imm != kIntoKernel && insn.imm != kOutOfKernel) {
        return refuse({.code = FindingCode::wrong_reference,
                       .os_errno = EINVAL,
                       .kernel = "addr_space_cast insn can only convert between address space 1 "
                                 "and 0",
                       .because = "there are no other address spaces"});
    }
    if (!has_arena(subject_)) {
        return refuse({.code = FindingCode::wrong_reference,
                       .os_errno = EINVAL,
                       .kernel = "addr_space_cast insn can only be used in a program that has an "
                                 "associated arena",
                       .because = "the program names no arena"});
    }
    TRY(check_registers(path_.state, insn));
    path_.state.set_reg(insn.dst, insn.imm == kIntoKernel ? Value::pointer(ValueKind::arena)
                                                          : Value::unknown());
    next(insn);
    return Flow::go_on;
}

Ruling<Walk::Flow> Walk::step_load_wide(const Insn& insn) {
    TRY(check_registers(path_.state, insn));
    path_.state.set_reg(insn.dst, TRY(wide_value(subject_, insn, path_.at)));
    next(insn);
    return Flow::go_on;
}

Ruling<Walk::Flow> Walk::step_jump(const Insn& insn) {
    TRY(check_registers(path_.state, insn));
    TRY(check_compared(subject_, path_.state, insn));
    const InsnIndex target{static_cast<std::uint32_t>(insn.target(path_.at))};
    if (const std::optional<bool> answer = jump_decided(path_.state, insn)) {
        need_operands(workspace_, path_.state, insn);
        const InsnIndex straight{path_.at.value + 1};
        if (speculation_.is_on()) {
            TRY(guess_otherwise(insn, *answer ? straight : target));
        }
        if (!path_.state.speculative) {
            facts_.jumped(path_.at, *answer);
        }
        path_.at = *answer ? target : straight;
        return Flow::go_on;
    }
    TRY(check_undecided(subject_, path_.state, insn));
    if (!path_.state.speculative) {
        facts_.jumped(path_.at, true);
        facts_.jumped(path_.at, false);
    }
    State taken = path_.state;
    learn_from_jump(workspace_, taken, insn, true);
    TRY(push(std::move(taken), target));
    learn_from_jump(workspace_, path_.state, insn, false);
    next(insn);
    return Flow::go_on;
}

// The budget may be used up or not: the loop goes round once more, widened, and is also left.
Ruling<Walk::Flow> Walk::step_may_goto(const Insn& insn) {
    State again = path_.state;
    widen(again, path_.at, checkpoints_.before_visit(path_.parent, path_.at));
    ++again.may_goto_rounds;
    TRY(push(std::move(again), InsnIndex{path_.at.value + 1}));
    path_.at = InsnIndex{static_cast<std::uint32_t>(insn.target(path_.at))};
    return Flow::go_on;
}

Ruling<void> Walk::check_packet_loads_offered() const {
    const spec::ProgramTypeRow* row = spec::find(subject_.program.type);
    if (row == nullptr || row->packet_loads != spec::PacketLoads::allowed) {
        return refuse(
            {.code = FindingCode::packet_access,
             .os_errno = EINVAL,
             .kernel = "BPF_LD_[ABS|IND] instructions not allowed for this program type",
             .because =
                 "only programs that are handed a socket buffer may use the old packet loads"});
    }
    return {};
}

Ruling<void> Walk::check_before_fields(const Insn& insn) const {
    if (insn.kind == InsnKind::packet_absolute || insn.kind == InsnKind::packet_indirect) {
        return check_packet_loads_offered();
    }
    return insn.kind == InsnKind::jump ? check_readable(path_.state, insn.dst) : Ruling<void>();
}

// LD_ABS and LD_IND: an implicit socket buffer in R6, and an implicit return of 0 when the packet
// is too short.
Ruling<Walk::Flow> Walk::step_packet_load(const Insn& insn) {
    TRY(check_packet_loads_offered());
    TRY(check_registers(path_.state, insn));
    const Value& context = path_.state.reg(6);
    if (!context.is(ValueKind::context) || context.offset != 0 || !context.number.is_zero()) {
        return refuse({.code = FindingCode::packet_access,
                       .os_errno = EINVAL,
                       .kernel = "at the time of BPF_LD_ABS|IND R6 != pointer to skb",
                       .because = fmt::format("R6 is {}", kind_text(context))});
    }
    if (insn.kind == InsnKind::packet_indirect && !path_.state.reg(insn.src).is_scalar()) {
        return not_known("a packet load at a pointer");
    }
    if (!path_.state.resources.held.empty()) {
        return refuse({.code = FindingCode::reference_leak,
                       .os_errno = EINVAL,
                       .kernel = "BPF_LD_[ABS|IND] would lead to reference leak",
                       .because = "the load may end the program while a reference is held"});
    }
    if (path_.state.resources.rcu_depth != 0 || path_.state.resources.preempt_off_depth != 0) {
        return refuse(
            {.code = FindingCode::section_misuse,
             .os_errno = EINVAL,
             .kernel = fmt::format("BPF_LD_[ABS|IND] cannot be used inside {}-ed region",
                                   path_.state.resources.rcu_depth != 0 ? "bpf_rcu_read_lock"
                                                                        : "bpf_preempt_disable"),
             .because = "the load may end the program while a section is open"});
    }
    if (path_.state.frame_count() > 1) {
        TRY(end_function_with_zero());
    }
    path_.state.clobber_caller_saved();
    path_.state.set_reg(0, Value::unknown());
    next(insn);
    return Flow::go_on;
}

// Past the end of the packet, a load inside a function ends that function.
Ruling<void> Walk::end_function_with_zero() {
    const Frame& frame = path_.state.current();
    if (frame.callback != CallbackKind::none) {
        return not_known("an old packet load inside a callback");
    }
    State ended = path_.state;
    const InsnIndex call = frame.call_site;
    ended.set_reg(0, Value::constant(0));
    step_return(ended);
    return push(std::move(ended), InsnIndex{call.value + 1});
}

} // namespace skep::verify
