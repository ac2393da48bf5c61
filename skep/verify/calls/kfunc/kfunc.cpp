// SPDX-License-Identifier: Apache-2.0
//
// Calls to kernel functions: which one, the gate, the arguments, the rule of its row, the result.
//
// Limits: functions without a judgement are refused by name (KfuncRule::not_judged).
// Proved by: tests/verdicts/kfunc_test.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <optional>

#include "skep/verify/access/typed_context.hpp"
#include "skep/verify/access/types/kernel_types.hpp"
#include "skep/verify/access/types/typed_pointer.hpp"
#include "skep/verify/calls/gate.hpp"
#include "skep/verify/calls/kfunc/iterator.hpp"
#include "skep/verify/calls/kfunc/kfunc_arguments.hpp"
#include "skep/verify/calls/kfunc/kfunc_memory.hpp"
#include "skep/verify/calls/objects/dynptr.hpp"
#include "skep/verify/calls/objects/graph.hpp"
#include "skep/verify/calls/objects/sections.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

using spec::KfuncFlag;
using spec::KfuncRule;

constexpr std::uint32_t kSleepable = 1U << 4; // BPF_F_SLEEPABLE

Finding not_allowed_here(std::string kernel_message, std::string because) {
    return refuse(FindingCode::call_not_allowed_here, EINVAL, std::move(kernel_message),
                  std::move(because));
}

Finding not_judged(std::string_view name, std::string_view what) {
    return refuse(FindingCode::not_known_yet, EACCES,
                  fmt::format("calling kernel function {} is not allowed", name),
                  fmt::format("{} {}", name, what));
}

// Which function, and whether anyone may call it.
Ruling<const spec::KfuncRow*> find_row(const Subject& subject, InsnIndex at) {
    const btf::Type* function = subject.called_kfunc(subject.insn(at));
    if (function == nullptr) {
        return not_judged(fmt::format("#{}", subject.insn(at).imm),
                          "is no function in the kernel's types that were given");
    }
    const spec::KfuncRow* row = subject.kfunc_row(subject.insn(at));
    const btf::Btf& types = *subject.environment.kernel_types;
    const bool has_prototype =
        types.type(types.resolve(function->target)).kind == btf::Kind::function_prototype;
    if (row == nullptr || !has_prototype) {
        return not_judged(function->name,
                          "is not known to this verifier as a function for programs");
    }
    return row;
}

Ruling<void> check_offered(const Subject& subject, const spec::KfuncRow& row) {
    const spec::CallerSite caller{
        .type = subject.program.type,
        .attach_type = static_cast<spec::AttachType>(subject.program.expected_attach_type),
        .sleepable = (subject.program.flags & kSleepable) != 0,
    };
    if (!spec::is_offered(row, caller)) {
        return refuse(FindingCode::function_not_offered, EACCES,
                      fmt::format("calling kernel function {} is not allowed", row.name),
                      fmt::format("{} is not offered to programs of this type", row.name));
    }
    if (row.rule == KfuncRule::not_judged) {
        return not_judged(row.name, "is a kernel function whose calls are not judged yet");
    }
    if (row.flags.has(KfuncFlag::destroys)) {
        return not_judged(row.name, "may take the machine down");
    }
    return {};
}

// Programs that may go over the tasks of a control group.
Ruling<void> check_task_iteration(const KfuncSite& site) {
    if (site.name() != "bpf_iter_css_task_new") {
        return {};
    }
    const ProgramSpec& program = site.subject.program;
    const bool iterates =
        program.type == spec::ProgramType::tracing &&
        static_cast<spec::AttachType>(program.expected_attach_type) == spec::AttachType::trace_iter;
    if (program.type == spec::ProgramType::lsm || iterates || site.state.sleepable) {
        return {};
    }
    return not_allowed_here(
        "css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable progs",
        "another kind of program may hold locks that the iterator takes");
}

// What may be called while a spin lock is held: what is done to lists, trees and counts, other
// locks, and counting.
bool is_allowed_under_lock(const spec::KfuncRow& row) {
    switch (row.rule) {
    case KfuncRule::object_count:
    case KfuncRule::list_push:
    case KfuncRule::list_pop:
    case KfuncRule::list_look:
    case KfuncRule::tree_add:
    case KfuncRule::tree_remove:
    case KfuncRule::tree_look:
    case KfuncRule::lock:
    case KfuncRule::unlock:
        return true;
    case KfuncRule::iter_new:
    case KfuncRule::iter_next:
    case KfuncRule::iter_destroy:
        return row.name.starts_with("bpf_iter_num_");
    case KfuncRule::by_types:
    case KfuncRule::rcu_lock:
    case KfuncRule::rcu_unlock:
    case KfuncRule::preempt_off:
    case KfuncRule::preempt_on:
    case KfuncRule::throws:
    case KfuncRule::cast_context:
    case KfuncRule::cast_read_only:
    case KfuncRule::dynptr_of_packet:
    case KfuncRule::dynptr_of_xdp:
    case KfuncRule::dynptr_of_metadata:
    case KfuncRule::slice:
    case KfuncRule::slice_writable:
    case KfuncRule::object_new:
    case KfuncRule::object_drop:
    case KfuncRule::per_cpu_new:
    case KfuncRule::per_cpu_drop:
    case KfuncRule::irq_save:
    case KfuncRule::irq_restore:
    case KfuncRule::work_init:
    case KfuncRule::work_set_callback:
    case KfuncRule::work_start:
    case KfuncRule::task_work:
    case KfuncRule::gives_bytes:
    case KfuncRule::trap:
    case KfuncRule::not_judged:
        return false;
    }
    return false;
}

Ruling<void> check_sections(const KfuncSite& site) {
    const Resources& resources = site.state.resources;
    const bool sleeps = site.row.flags.has(KfuncFlag::sleeps);
    if (resources.holds_lock() && !is_allowed_under_lock(site.row)) {
        return not_allowed_here("function calls are not allowed while holding a lock",
                                fmt::format("{} is called while a lock is held", site.name()));
    }
    if (sleeps && !site.state.sleepable) {
        return not_allowed_here(
            fmt::format("program must be sleepable to call sleepable kfunc {}", site.name()),
            fmt::format("{} may sleep, and the program was not loaded as sleepable", site.name()));
    }
    if (sleeps && resources.rcu_depth != 0) {
        return not_allowed_here(
            fmt::format("kernel func {} is sleepable within rcu_read_lock region", site.name()),
            fmt::format("{} may sleep, and an RCU read section is open", site.name()));
    }
    if (sleeps && resources.first(ResourceKind::irq_flag) != nullptr) {
        return not_allowed_here(
            fmt::format("kernel func {} is sleepable within IRQ-disabled region", site.name()),
            fmt::format("{} may sleep, and interrupts are off", site.name()));
    }
    if (sleeps && resources.preempt_off_depth != 0) {
        return not_allowed_here(
            fmt::format("kernel func {} is sleepable within non-preemptible region", site.name()),
            fmt::format("{} may sleep, and preemption is off", site.name()));
    }
    const bool asked_with_iterator = site.row.rule == KfuncRule::iter_new;
    if (site.row.flags.has(KfuncFlag::in_rcu) && !asked_with_iterator && !site.in_rcu_section()) {
        return not_allowed_here(fmt::format("expected an RCU CS when using {}", site.name()),
                                fmt::format("{} needs an open RCU read section", site.name()));
    }
    return {};
}

// The result is of a kind that result_of knows.
Ruling<void> check_result(const KfuncSite& site) {
    const btf::TypeId id = site.types.resolve(site.prototype.target);
    const btf::Kind kind = site.types.type(id).kind;
    const bool is_plain = id == 0 || kind == btf::Kind::integer || kind == btf::Kind::enumeration ||
                          kind == btf::Kind::enumeration64;
    const btf::TypeId pointee = site.pointee(id);
    const bool is_bytes = kind == btf::Kind::pointer && site.types.size_of(pointee).ok();
    if (kind == btf::Kind::pointer && pointee == 0) {
        return {}; // an address of anything is as good as a number
    }
    const bool is_object = kind == btf::Kind::pointer &&
                           (is_bytes || site.types.type(pointee).kind == btf::Kind::structure);
    if (is_object || (is_plain && !site.row.flags.has(KfuncFlag::acquires))) {
        return {};
    }
    return refuse(FindingCode::not_known_yet, EINVAL,
                  fmt::format("result of {} is not supported yet", site.name()),
                  "it is neither a number nor a kernel object");
}

Value result_of(const KfuncSite& site, State& state, IdSource& ids) {
    const btf::TypeId id = site.types.resolve(site.prototype.target);
    if (id == 0) {
        return Value::uninitialised();
    }
    const btf::TypeId pointee = site.pointee(id);
    if (pointee == 0) {
        return Value::unknown();
    }
    Value value = Value::pointer(ValueKind::btf_object, 0, pointee);
    if (site.types.type(pointee).kind != btf::Kind::structure) {
        const Result<std::uint32_t> size = site.types.size_of(pointee);
        const bool is_writable = site.row.rule == KfuncRule::gives_bytes;
        value = Value::pointer(ValueKind::memory, is_writable ? 0U : std::uint32_t{kReadOnly},
                               size.ok() ? *size : 0);
    }
    if (site.row.flags.has(KfuncFlag::maybe_null)) {
        value.flags |= kMaybeNull;
        value.id = ids.next();
    }
    if (site.row.flags.has(KfuncFlag::acquires)) {
        value.reference_id = value.id != 0 ? value.id : ids.next();
        state.resources.acquire(ResourceKind::reference, value.reference_id, site.at);
    }
    return value;
}

// Sections ---------------------------------------------------------------------------------------

Finding misused(std::string kernel_message, std::string because) {
    return refuse(FindingCode::section_misuse, EINVAL, std::move(kernel_message),
                  std::move(because));
}

Ruling<void> check_section_change(const KfuncSite& site) {
    const Resources& resources = site.state.resources;
    if (site.row.rule == KfuncRule::rcu_lock && resources.rcu_depth != 0) {
        return misused(fmt::format("nested rcu read lock (kernel function {})", site.name()),
                       "an RCU read section is open already");
    }
    if (site.row.rule == KfuncRule::rcu_unlock && resources.rcu_depth == 0) {
        return misused(fmt::format("unmatched rcu read unlock (kernel function {})", site.name()),
                       "no RCU read section is open");
    }
    if (site.row.rule == KfuncRule::preempt_on && resources.preempt_off_depth == 0) {
        return misused(
            fmt::format("unmatched attempt to enable preemption (kernel function {})", site.name()),
            "preemption is not off");
    }
    return {};
}

// What only the section kept alive is not known to be there any more.
void leave_rcu_section(State& state) {
    --state.resources.rcu_depth;
    if (state.resources.rcu_depth != 0) {
        return;
    }
    state.update_values([](const Value& value) { return value.has(kRcu); },
                        [](Value& value) {
                            value.flags &= ~(std::uint32_t{kRcu} | kMaybeNull);
                            value.flags |= kUntrusted;
                            value.id = 0;
                        });
    for (unsigned number = 0; number < state.frame_count(); ++number) {
        for (std::uint32_t index = 0; index < state.stack(number).slot_count(); ++index) {
            const Slot& slot = state.stack(number).slot(index);
            if (slot.all(SlotByte::iterator) && slot.value.has(kRcu)) {
                state.stack_for_write(number).slot_for_write(index).value.flags |= kUntrusted;
            }
        }
    }
}

void step_section(KfuncRule rule, State& state) {
    if (rule == KfuncRule::rcu_lock) {
        ++state.resources.rcu_depth;
    } else if (rule == KfuncRule::rcu_unlock) {
        leave_rcu_section(state);
    } else if (rule == KfuncRule::preempt_off) {
        ++state.resources.preempt_off_depth;
    } else if (rule == KfuncRule::preempt_on) {
        --state.resources.preempt_off_depth;
    }
}

// Casts ------------------------------------------------------------------------------------------

// The kernel's types pair each kind of program with the context that it sees and the kernel's own.
// The type as it is written there, 0 when there is none.
btf::TypeId kernel_context(const KfuncSite& site) {
    const auto pairs = site.types.find("bpf_ctx_convert", btf::Kind::structure);
    const spec::ProgramTypeRow* program = spec::find(site.subject.program.type);
    if (!pairs.has_value() || program == nullptr) {
        return 0;
    }
    std::string wanted = fmt::format("BPF_PROG_TYPE_{}_kern", program->name);
    const auto ignoring_case = [](char one, char other) {
        return std::tolower(static_cast<unsigned char>(one)) ==
               std::tolower(static_cast<unsigned char>(other));
    };
    for (const btf::Member& member : site.types.type(*pairs).members) {
        if (std::ranges::equal(member.name, wanted, ignoring_case)) {
            return member.type;
        }
    }
    return 0;
}

Ruling<void> check_context_cast(const KfuncSite& site, CallPlan& plan) {
    const Value& value = site.value(1);
    plan.read_regs = static_cast<std::uint16_t>(plan.read_regs | (1U << 1));
    TRY(check_kfunc_place(site, 1));
    if (!value.is(ValueKind::context) || value.offset != 0 || !value.number.is_zero()) {
        return refuse(FindingCode::wrong_argument, EINVAL,
                      fmt::format("arg#0 expected pointer to ctx, but got {}", kind_text(value)),
                      fmt::format("{} takes the context as the program was given it", site.name()));
    }
    const btf::TypeId type = kernel_context(site);
    if (type == 0) {
        return not_judged(site.name(), "is not judged for this type of program yet");
    }
    const btf::TypeId structure = site.types.resolve(type);
    if (site.types.type(structure).kind != btf::Kind::structure) {
        return refuse(FindingCode::call_not_allowed_here, EINVAL,
                      fmt::format("kern ctx type id {} is not a struct", type),
                      "the kernel has no form of its own of this context");
    }
    plan.kept = structure;
    return {};
}

Ruling<void> check_read_only_cast(const KfuncSite& site, CallPlan& plan) {
    TRY(check_kfunc_arguments(site, 1, plan));
    const std::uint64_t id = site.value(2).number.value();
    if (id >= site.types.type_count()) {
        return refuse(FindingCode::wrong_argument, EINVAL,
                      fmt::format("Unknown type ID {} passed to kfunc bpf_rdonly_cast",
                                  static_cast<std::int32_t>(id)),
                      "the kernel's types have no such number");
    }
    if (id == 0) {
        plan.kept = 0; // plain bytes
        return {};
    }
    const btf::Kind kind = site.types.type(static_cast<btf::TypeId>(id)).kind;
    if (kind != btf::Kind::structure && kind != btf::Kind::union_) {
        return refuse(FindingCode::wrong_argument, EINVAL,
                      "kfunc bpf_rdonly_cast type ID argument must be of a struct or void",
                      fmt::format("type {} of the kernel is no structure", id));
    }
    plan.kept = static_cast<std::uint32_t>(id);
    return {};
}

// ------------------------------------------------------------------------------------------------

Ruling<void> check_throw(const KfuncSite& site, CallPlan& plan) {
    TRY(check_kfunc_arguments(site, 1, plan));
    plan.throws = true;
    return {};
}

Ruling<void> check_iteration(const KfuncSite& site, CallPlan& plan) {
    TRY(check_not_null(site, 1));
    TRY(check_kfunc_place(site, 1));
    TRY(check_task_iteration(site));
    TRY(check_iterator_argument(site, plan));
    TRY(check_kfunc_arguments(site, 2, plan));
    return site.row.rule == KfuncRule::iter_next ? check_iterator_element(site) : Ruling<void>{};
}

// Slices --------------------------------------------------------------------------------------

Ruling<void> check_slice(const KfuncSite& site, CallPlan& plan) {
    TRY(check_kfunc_arguments(site, 1, plan));
    if (!plan.dynptr.has_value()) {
        return not_judged(site.name(), "takes no dynptr in the kernel's types that were given");
    }
    const spec::ProgramTypeRow* program = spec::find(site.subject.program.type);
    if (site.row.rule == KfuncRule::slice_writable &&
        (program == nullptr || program->packet != spec::PacketAccess::write)) {
        return refuse(FindingCode::packet_access, EINVAL,
                      "the prog does not allow writes to packet data",
                      "programs of this type may not write to packets");
    }
    return {};
}

Value slice_of(const KfuncSite& site, const CallPlan& plan, IdSource& ids) {
    Value slice = dynptr_slice(*plan.dynptr, plan.kept, ids);
    slice.instance = 0; // it may be used on when the dynptr is overwritten: the bytes stay
    slice.flags |= site.row.rule == KfuncRule::slice ? std::uint32_t{kReadOnly} : 0U;
    return slice;
}

Ruling<void> check_by_rule(const KfuncSite& site, CallPlan& plan) {
    switch (site.row.rule) {
    case KfuncRule::by_types:
    case KfuncRule::gives_bytes:
        TRY(check_kfunc_arguments(site, 1, plan));
        return check_result(site);
    case KfuncRule::trap:
        return refuse(FindingCode::call_not_allowed_here, EFAULT,
                      "unexpected __bpf_trap() due to uninitialized variable?",
                      "the compiler put a trap here: what comes next is undefined in C");
    case KfuncRule::iter_new:
    case KfuncRule::iter_next:
    case KfuncRule::iter_destroy:
        return check_iteration(site, plan);
    case KfuncRule::rcu_lock:
    case KfuncRule::rcu_unlock:
    case KfuncRule::preempt_off:
    case KfuncRule::preempt_on:
        return check_section_change(site);
    case KfuncRule::throws:
        return check_throw(site, plan);
    case KfuncRule::cast_context:
        return check_context_cast(site, plan);
    case KfuncRule::cast_read_only:
        return check_read_only_cast(site, plan);
    case KfuncRule::dynptr_of_packet:
    case KfuncRule::dynptr_of_xdp:
    case KfuncRule::dynptr_of_metadata:
        return check_kfunc_arguments(site, 1, plan);
    case KfuncRule::slice:
    case KfuncRule::slice_writable:
        return check_slice(site, plan);
    case KfuncRule::object_new:
    case KfuncRule::per_cpu_new:
        TRY(check_kfunc_arguments(site, 1, plan));
        return check_allocation(site, plan);
    case KfuncRule::lock:
        plan.may_fail = true;
        return check_kfunc_arguments(site, 1, plan);
    case KfuncRule::object_drop:
    case KfuncRule::per_cpu_drop:
    case KfuncRule::object_count:
    case KfuncRule::list_push:
    case KfuncRule::list_pop:
    case KfuncRule::list_look:
    case KfuncRule::tree_add:
    case KfuncRule::tree_remove:
    case KfuncRule::tree_look:
    case KfuncRule::unlock:
    case KfuncRule::irq_save:
    case KfuncRule::irq_restore:
    case KfuncRule::work_init:
    case KfuncRule::work_set_callback:
    case KfuncRule::work_start:
    case KfuncRule::task_work:
        return check_kfunc_arguments(site, 1, plan);
    case KfuncRule::not_judged:
        break;
    }
    return not_judged(site.name(), "is not judged yet");
}

// What the call does beyond what all do, and what it gives.
Value step_by_rule(const KfuncSite& site, const CallPlan& plan, State& state, IdSource& ids) {
    switch (site.row.rule) {
    case KfuncRule::slice:
    case KfuncRule::slice_writable:
        return slice_of(site, plan, ids);
    case KfuncRule::dynptr_of_packet:
    case KfuncRule::dynptr_of_xdp:
    case KfuncRule::dynptr_of_metadata:
    case KfuncRule::by_types:
    case KfuncRule::gives_bytes:
        return result_of(site, state, ids);
    case KfuncRule::iter_new:
        make_iterator(site, plan, state, ids);
        return Value::unknown();
    case KfuncRule::iter_next:
        drain_iterator(plan, state);
        return Value::constant(0);
    case KfuncRule::iter_destroy:
        end_iterator(plan, state);
        break;
    case KfuncRule::cast_context:
        return Value::pointer(ValueKind::btf_object, kTrusted, plan.kept);
    case KfuncRule::cast_read_only:
        return plan.kept == 0 ? untrusted_memory()
                              : Value::pointer(ValueKind::btf_object, kUntrusted, plan.kept);
    case KfuncRule::rcu_lock:
    case KfuncRule::rcu_unlock:
    case KfuncRule::preempt_off:
    case KfuncRule::preempt_on:
        step_section(site.row.rule, state);
        break;
    case KfuncRule::object_new:
    case KfuncRule::per_cpu_new:
    case KfuncRule::object_drop:
    case KfuncRule::per_cpu_drop:
    case KfuncRule::object_count:
    case KfuncRule::list_push:
    case KfuncRule::list_pop:
    case KfuncRule::list_look:
    case KfuncRule::tree_add:
    case KfuncRule::tree_remove:
    case KfuncRule::tree_look:
        return step_object_call(site, plan, state, ids);
    case KfuncRule::lock:
    case KfuncRule::unlock:
        return step_resilient_lock(site, plan, true, state, ids);
    case KfuncRule::irq_save:
    case KfuncRule::irq_restore:
        step_irq_flag(site, plan, state, ids);
        break;
    case KfuncRule::work_init:
    case KfuncRule::work_set_callback:
    case KfuncRule::work_start:
    case KfuncRule::task_work:
        return Value::unknown();
    case KfuncRule::throws:     // the walk ends the path
    case KfuncRule::trap:       // was refused
    case KfuncRule::not_judged: // the same
        break;
    }
    return Value::uninitialised();
}

KfuncSite site_of(const Subject& subject, const State& state, InsnIndex at,
                  const spec::KfuncRow& row) {
    const btf::Btf& types = *subject.environment.kernel_types;
    return {subject, state,
            at,      row,
            types,   types.type(types.resolve(subject.called_kfunc(subject.insn(at))->target))};
}

bool has_rule(const Subject& subject, InsnIndex at, KfuncRule rule) {
    const spec::KfuncRow* row = subject.kfunc_row(subject.insn(at));
    return row != nullptr && row->rule == rule;
}

} // namespace

bool goes_over_elements(const Subject& subject, InsnIndex at) {
    return has_rule(subject, at, KfuncRule::iter_next);
}

bool never_returns(const Subject& subject, InsnIndex at) {
    return has_rule(subject, at, KfuncRule::throws);
}

Ruling<CallPlan> check_kfunc_call(const Subject& subject, const State& state, InsnIndex at) {
    const spec::KfuncRow* row = TRY(find_row(subject, at));
    TRY(check_offered(subject, *row));
    const KfuncSite site = site_of(subject, state, at, *row);
    TRY(check_sections(site));
    CallPlan plan;
    plan.function = static_cast<std::uint32_t>(subject.insn(at).imm);
    plan.moves_packet = row->flags.has(KfuncFlag::moves_packet);
    TRY(check_by_rule(site, plan));
    return plan;
}

void step_failed_lock(const Subject& subject, const CallPlan& plan, InsnIndex at, State& state,
                      IdSource& ids) {
    const State before = state;
    const KfuncSite site = site_of(subject, before, at, *subject.kfunc_row(subject.insn(at)));
    step_common(plan, state);
    state.set_reg(0, step_resilient_lock(site, plan, false, state, ids));
}

void step_kfunc_call(const Subject& subject, const CallPlan& plan, InsnIndex at, State& state,
                     IdSource& ids) {
    const State before = state;
    const KfuncSite site = site_of(subject, before, at, *subject.kfunc_row(subject.insn(at)));
    step_common(plan, state);
    step_dynptrs(plan, at, state, ids);
    state.set_reg(0, step_by_rule(site, plan, state, ids));
}

} // namespace skep::verify
