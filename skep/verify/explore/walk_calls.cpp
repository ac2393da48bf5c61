// SPDX-License-Identifier: Apache-2.0
//
// Calls and exits of the walk.
#include <fmt/format.h>

#include "skep/spec/program_types.hpp"
#include "skep/verify/access/secrets.hpp"
#include "skep/verify/access/typed_context.hpp"
#include "skep/verify/calls/call.hpp"
#include "skep/verify/calls/callback.hpp"
#include "skep/verify/calls/objects/sections.hpp"
#include "skep/verify/explain/range_text.hpp"
#include "skep/verify/explain/refusal.hpp"
#include "skep/verify/explain/value_text.hpp"
#include "skep/verify/explore/walk.hpp"
#include "skep/verify/transfer/registers.hpp"

namespace skep::verify {
namespace {

// A look-up whose key was known relied on it; the key lies on the stack.
void need_constant_key(Workspace& workspace, const State& state) {
    const Value& key = state.reg(2);
    if (!key.is(ValueKind::stack) || !key.at_fixed_offset()) {
        return;
    }
    const std::int64_t offset = key.offset + static_cast<std::int64_t>(key.number.value());
    if (offset < 0 && offset >= -kStackBytes) {
        const Slot& slot = state.stack(key.frame).slot(Stack::slot_of(static_cast<int>(offset)));
        if (slot.is_spill()) {
            workspace.need(slot.value);
        }
    }
}

// What is held at the end is lost for ever.
Ruling<void> check_nothing_held(const State& state, std::string_view event) {
    if (state.resources.first(ResourceKind::reference) == nullptr) {
        if (const std::string_view region = open_section(state); !region.empty()) {
            const bool is_lock = state.resources.holds_lock();
            return refuse({.code = is_lock ? FindingCode::lock_misuse : FindingCode::section_misuse,
                           .os_errno = EINVAL,
                           .kernel = fmt::format("{} cannot be used inside {}", event, region),
                           .because = is_lock ? "a lock is still held"
                                              : "a section that was opened is not closed"});
        }
    }
    if (state.resources.held.empty()) {
        return {};
    }
    std::string lines;
    for (const Resource& resource : state.resources.held) {
        if (resource.kind != ResourceKind::reference) {
            continue;
        }
        lines += lines.empty() ? "" : "\n";
        lines += fmt::format("Unreleased reference id={} alloc_insn={}", resource.id,
                             resource.acquired_at.value);
    }
    const Resource& first = *state.resources.first(ResourceKind::reference);
    Finding finding =
        refuse({.code = FindingCode::reference_leak,
                .os_errno = EINVAL,
                .kernel = fmt::format("{} would lead to reference leak", event),
                .because = fmt::format("what instruction {} acquired is still held here",
                                       first.acquired_at.value),
                .kernel_detail = std::move(lines)});
    Note note;
    note.place.insn = first.acquired_at;
    note.text = "acquired here";
    finding.notes.push_back(std::move(note));
    return finding;
}

// The program's main function is tagged with the function that handles its exceptions.
bool has_exception_handler(const Subject& subject) {
    const btf::Btf* types = subject.environment.program_types;
    constexpr std::string_view kTag = "exception_callback:";
    for (btf::TypeId id = 1; types != nullptr && id < types->type_count(); ++id) {
        const btf::Type& type = types->type(id);
        if (type.kind == btf::Kind::declaration_tag && type.name.starts_with(kTag) &&
            type.target == subject.subprograms.front().btf_function) {
            return true;
        }
    }
    return false;
}

// An exception leaves through every caller, also those of a global function that is not looked
// into.
bool may_throw(const Subject& subject) {
    for (std::uint32_t at = 0; at < subject.insns.size(); at += subject.insns[at].slots()) {
        if (subject.insns[at].kind == InsnKind::call_kfunc &&
            never_returns(subject, InsnIndex{at})) {
            return true;
        }
    }
    return false;
}

} // namespace

Ruling<Walk::Flow> Walk::step_helper(const Insn& insn) {
    const CallPlan plan = TRY(check_helper_call(subject_, path_.state, path_.at));
    helpers_called_.insert(static_cast<std::uint32_t>(insn.imm));
    facts_.called(path_.at, plan.map);
    for (Reg reg = 1; reg <= 5; ++reg) {
        if ((plan.read_regs & only(reg)) != 0) {
            note_stack_use(path_.state.reg(reg));
        }
        if ((plan.precise_regs & only(reg)) != 0) {
            workspace_.need(path_.state.reg(reg));
        }
    }
    for (const StackFill& fill : plan.fills) {
        facts_.used_stack(path_.state.frame(fill.frame).subprogram, fill.offset);
    }
    if (plan.constant_key >= 0) {
        need_constant_key(workspace_, path_.state);
    }
    if (plan.is_tail_call) {
        TRY(check_nothing_held(path_.state, "tail_call"));
    }
    if (plan.callback.has_value()) {
        TRY(enter_callback(*plan.callback));
    }
    step_helper_call(subject_, plan, path_.at, path_.state, workspace_.ids);
    return finish_call(plan);
}

Ruling<Walk::Flow> Walk::step_kfunc() {
    const CallPlan plan = TRY(check_kfunc_call(subject_, path_.state, path_.at));
    for (Reg reg = 1; reg <= 5; ++reg) {
        if ((plan.read_regs & only(reg)) != 0) {
            note_stack_use(path_.state.reg(reg));
        }
        if ((plan.precise_regs & only(reg)) != 0) {
            workspace_.need(path_.state.reg(reg));
        }
    }
    for (const StackFill& fill : plan.fills) {
        facts_.used_stack(path_.state.frame(fill.frame).subprogram, fill.offset);
    }
    if (plan.throws) {
        return leave_by_exception();
    }
    if (plan.may_fail) {
        State failed = path_.state;
        step_failed_lock(subject_, plan, path_.at, failed, workspace_.ids);
        TRY(push(std::move(failed), InsnIndex{path_.at.value + 1}));
    }
    if (plan.callback.has_value()) {
        TRY(enter_callback(*plan.callback));
    }
    if (plan.iterates) {
        State again = path_.state;
        widen(again, path_.at, checkpoints_.before_visit(path_.parent, path_.at));
        step_iteration(subject_, plan, path_.at, again, workspace_.ids);
        TRY(push(std::move(again), InsnIndex{path_.at.value + 1}));
    }
    step_kfunc_call(subject_, plan, path_.at, path_.state, workspace_.ids);
    return finish_call(plan);
}

// An exception ends the program from any depth: nothing may be held anywhere, and its number is
// what the program answers.
Ruling<Walk::Flow> Walk::leave_by_exception() {
    TRY(check_nothing_held(path_.state, "bpf_throw"));
    for (unsigned number = 0; number < path_.state.frame_count(); ++number) {
        if (path_.state.frame(number).callback != CallbackKind::none) {
            return refuse(
                {.code = FindingCode::call_not_allowed_here,
                 .os_errno = EINVAL,
                 .kernel = fmt::format("bpf_throw kfunc (insn {}) cannot be called from callback "
                                       "subprog {}",
                                       path_.at.value, path_.state.frame(number).subprogram),
                 .because = "an exception is thrown inside a callback"});
        }
    }
    if (has_exception_handler(subject_)) {
        return refuse({.code = FindingCode::not_known_yet,
                       .os_errno = EINVAL,
                       .kernel = "exception callbacks are not supported yet",
                       .because = "the program names a function that handles its exceptions"});
    }
    const auto range =
        spec::return_range(subject_.program.type,
                           static_cast<spec::AttachType>(subject_.program.expected_attach_type));
    const Value& result = path_.state.reg(1);
    if (range.has_value() &&
        (result.number.s.min < range->minimum || result.number.s.max > range->maximum)) {
        return refuse({.code = FindingCode::return_value,
                       .os_errno = EINVAL,
                       .kernel = returned_out_of_range("At program exit", result,
                                                       {range->minimum, range->maximum}),
                       .because = fmt::format("what is thrown is the program's answer, which is a "
                                              "number from {} to {}",
                                              range->minimum, range->maximum)});
    }
    workspace_.need(result);
    return Flow::ended;
}

Ruling<Walk::Flow> Walk::finish_call(const CallPlan& plan) {
    moves_packet_ = moves_packet_ || plan.moves_packet;
    if (plan.callback.has_value()) {
        path_.state.current_for_write().callback_depth = 0;
    }
    path_.at = InsnIndex{path_.at.value + 1};
    return Flow::go_on;
}

// The callback is walked as one more branch of the call: it may run, and come back to the call, or
// not run (any more).
Ruling<void> Walk::enter_callback(const CallbackRequest& request) {
    if (request.kind == CallbackKind::asynchronous) {
        const CheckpointIndex parent = path_.parent;
        path_.parent = kNoCheckpoint; // it begins a tree of its own
        Ruling<void> pushed =
            push(enter_asynchronous(request), subject_.subprograms[request.subprogram].start);
        path_.parent = parent;
        return pushed;
    }
    const bool counted_out = request.max_iterations.has_value() &&
                             path_.state.current().callback_depth >= *request.max_iterations;
    if (counted_out) {
        return {};
    }
    TRY(check_static_call(path_.state));
    return push(enter_synchronous(path_.state, path_.at, request),
                subject_.subprograms[request.subprogram].start);
}

Ruling<Walk::Flow> Walk::step_call(const Insn& insn) {
    const auto callee =
        subject_.subprogram_at(InsnIndex{static_cast<std::uint32_t>(insn.target(path_.at))});
    SKEP_ASSERT(callee.has_value()); // check_structure found it
    if (!subject_.subprograms[*callee].is_global) {
        TRY(check_static_call(path_.state));
        step_static_call(*callee, path_.at, path_.state);
        path_.at = subject_.subprograms[*callee].start;
        log_.enters(path_.state, path_.at);
        return Flow::go_on;
    }
    const Signature* expected = TRY(signature(*callee));
    TRY(check_global_call(subject_, path_.state, *callee, *expected));
    for (std::size_t number = 1; number <= expected->parameters.size(); ++number) {
        note_stack_use(path_.state.reg(static_cast<Reg>(number)));
    }
    if (!path_.state.resources.held.empty() &&
        path_.state.resources.first(ResourceKind::spin_lock) != nullptr) {
        return refuse({.code = FindingCode::call_not_allowed_here,
                       .os_errno = EINVAL,
                       .kernel = "global function calls are not allowed while holding a lock,\nuse "
                                 "static function instead",
                       .because = "a lock is held"});
    }
    const Resources& open = path_.state.resources;
    if (subject_.subprograms[*callee].may_sleep &&
        (!path_.state.sleepable || open.rcu_depth != 0 || open.preempt_off_depth != 0)) {
        return refuse({.code = FindingCode::call_not_allowed_here,
                       .os_errno = EINVAL,
                       .kernel = "global functions that may sleep are not allowed in non-sleepable "
                                 "context,\ni.e., in a RCU/IRQ/preempt-disabled section, or in\na "
                                 "non-sleepable program",
                       .because = "the function may sleep, which is not allowed here"});
    }
    if ((!open.held.empty() || open.rcu_depth != 0 || open.preempt_off_depth != 0) &&
        may_throw(subject_)) {
        return refuse({.code = FindingCode::not_known_yet,
                       .os_errno = EINVAL,
                       .kernel = "global function calls that may throw are not supported here yet",
                       .because = "something is held, and the function may throw an exception"});
    }
    if (std::find(globals_called_.begin(), globals_called_.end(), *callee) ==
        globals_called_.end()) {
        globals_called_.push_back(*callee);
    }
    log_.assumes_global(*callee);
    step_global_call(subject_, *callee, *expected, path_.state);
    next(insn);
    return Flow::go_on;
}

Ruling<Walk::Flow> Walk::step_exit() {
    const Frame& frame = path_.state.current();
    if (frame.callback != CallbackKind::none) {
        return leave_callback();
    }
    if (path_.state.frame_count() == 1) {
        return leave_program();
    }
    TRY(check_return(path_.state));
    const InsnIndex call = frame.call_site;
    log_.leaves(path_.state, InsnIndex{call.value + 1});
    step_return(path_.state);
    path_.at = InsnIndex{call.value + 1};
    log_.returned(path_.state);
    log_.resumes(path_.state, path_.at);
    return Flow::go_on;
}

Ruling<Walk::Flow> Walk::leave_callback() {
    TRY(check_callback_result(path_.state));
    workspace_.need(path_.state.reg(0));
    if (path_.state.current().callback == CallbackKind::asynchronous) {
        TRY(check_nothing_held(path_.state, "BPF_EXIT instruction in callback"));
        return Flow::ended;
    }
    path_.at = path_.state.current().call_site;
    log_.leaves(path_.state, path_.at);
    path_.state.pop_frame();
    log_.returned(path_.state);
    widen(path_.state, path_.at, path_.parent);
    log_.resumes(path_.state, path_.at);
    // The call is judged again, with its arguments as they were: the callback may run once more.
    return Flow::go_on;
}

// The kernel looks at the low half of what a security hook answers.
Ruling<Walk::Flow> Walk::answer_hook(const Value& result, const ReturnRange& allowed) {
    if (!result.is_scalar() || result.number.s_low.min < allowed.min ||
        result.number.s_low.max > allowed.max) {
        return refuse({.code = FindingCode::return_value,
                       .os_errno = EINVAL,
                       .kernel = returned_out_of_range("At program exit", result, allowed),
                       .because = fmt::format("this hook answers with a number from {} to {}",
                                              allowed.min, allowed.max)});
    }
    workspace_.need(result);
    return Flow::ended;
}

Ruling<Walk::Flow> Walk::leave_program() {
    const std::uint32_t subprogram = path_.state.current().subprogram;
    TRY(check_nothing_held(path_.state, "BPF_EXIT instruction in main prog"));
    if (subprogram == 0 && returns_nothing(subject_)) {
        return Flow::ended;
    }
    TRY(check_readable(path_.state, 0));
    const auto line = [] { return "R0 leaks addr as return value"; };
    TRY(keep_secret(subject_, path_.state, 0, line, "what a program returns can be seen"));
    const Value& result = path_.state.reg(0);
    if (subprogram != 0 && !result.is_scalar()) {
        return refuse(
            {.code = FindingCode::return_value,
             .os_errno = EINVAL,
             .kernel = fmt::format("At subprogram exit the register R0 is not a scalar value ({})",
                                   kind_text(result)),
             .because = "a global function returns a number"});
    }
    const auto range =
        spec::return_range(subject_.program.type,
                           static_cast<spec::AttachType>(subject_.program.expected_attach_type));
    if (const std::optional<ReturnRange> hook = hook_answers(subject_);
        hook.has_value() && subprogram == 0) {
        return answer_hook(result, *hook);
    }
    if (subprogram != 0 || !range.has_value()) {
        return Flow::ended;
    }
    const ReturnRange allowed{range->minimum, range->maximum};
    // The whole register is compared, not its low half.
    if (!result.is_scalar() || result.number.s.min < allowed.min ||
        result.number.s.max > allowed.max) {
        return refuse(
            {.code = FindingCode::return_value,
             .os_errno = EINVAL,
             .kernel = returned_out_of_range("At program exit", result, allowed),
             .because = fmt::format("a program of this type returns a number from {} to {}",
                                    allowed.min, allowed.max)});
    }
    workspace_.need(result);
    return Flow::ended;
}

} // namespace skep::verify
