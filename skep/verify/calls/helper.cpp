// SPDX-License-Identifier: Apache-2.0
//
// Calls to helpers: the gate, the arguments one by one, then what only the whole call shows.
//
// Proved by: helper_test.cpp; tests/law/helper_kernel_test.cpp puts a call of every helper to the
// running kernel.
#include <fmt/format.h>

#include <cerrno>

#include "skep/base/kernel_errno.hpp"
#include "skep/spec/helpers/callbacks.hpp"
#include "skep/verify/access/types/kernel_types.hpp"
#include "skep/verify/calls/arguments/argument_kinds.hpp"
#include "skep/verify/calls/arguments/arguments.hpp"
#include "skep/verify/calls/arguments/field_arguments.hpp"
#include "skep/verify/calls/format.hpp"
#include "skep/verify/calls/gate.hpp"
#include "skep/verify/calls/objects/dynptr.hpp"
#include "skep/verify/calls/result.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

using spec::Helper;

std::string map_text(const spec::MapSpec& map) {
    const spec::MapTypeRow* row = spec::find(map.type);
    return fmt::format("map '{}' is of type {}", map.name, row == nullptr ? "unknown" : row->name);
}

// The map and the helper belong together.
Ruling<void> check_map(const CallSite& site, const CallPlan& plan) {
    const auto id = static_cast<std::uint32_t>(site.helper.id);
    if (!plan.map.has_value() || spec::maps_of_helper(id).empty()) {
        return {};
    }
    const spec::MapSpec& map = site.subject.map(*plan.map);
    if (spec::maps_of_helper(id).contains(map.type)) {
        return {};
    }
    if (site.helper.id == Helper::tail_call) {
        return refuse(FindingCode::wrong_map, EINVAL, "expected prog array map for tail call",
                      map_text(map));
    }
    if (site.helper.id == Helper::for_each_map_elem) {
        return refuse(FindingCode::wrong_map, EINVAL, "callback function not allowed for map",
                      map_text(map));
    }
    return refuse(FindingCode::wrong_map, EINVAL,
                  fmt::format("cannot pass map_type {} into func {}#{}",
                              static_cast<std::uint32_t>(map.type), site.name(), id),
                  map_text(map));
}

// A program that goes on elsewhere never comes back to give anything back.
Ruling<void> check_tail_call(const CallSite& site) {
    if (site.state.resources.first(ResourceKind::spin_lock) != nullptr) {
        return refuse(FindingCode::lock_misuse, EINVAL,
                      "tail_call cannot be used inside bpf_spin_lock-ed region",
                      "a lock is held, and the program may go on elsewhere");
    }
    const Resource* open = site.state.resources.first(ResourceKind::reference);
    if (open == nullptr) {
        return {};
    }
    Finding finding = refuse(
        FindingCode::reference_leak, EINVAL, "tail_call would lead to reference leak",
        fmt::format("what was taken at instruction {} is still held, and the program may go on "
                    "elsewhere",
                    open->acquired_at.value));
    finding.kernel_detail =
        fmt::format("Unreleased reference id={} alloc_insn={}", open->id, open->acquired_at.value);
    return finding;
}

Ruling<void> check_local_storage(const CallSite& site, CallPlan& plan) {
    plan.precise_regs = static_cast<std::uint16_t>(plan.precise_regs | (1U << 2));
    if (site.value(2).is_constant_zero()) {
        return {};
    }
    return refuse(FindingCode::wrong_argument, EINVAL,
                  "get_local_storage() doesn't support non-zero flags",
                  "the flags of bpf_get_local_storage must be the constant 0");
}

Ruling<void> check_dynptr_memory(const CallSite& site, CallPlan& /*plan*/) {
    const Value& memory = site.value(1);
    if (memory.is(ValueKind::map_value)) {
        return {};
    }
    return refuse(
        FindingCode::wrong_argument, EACCES,
        fmt::format("Unsupported reg type {} for bpf_dynptr_from_mem data", kind_text(memory)),
        "a dynptr is made over map values, which stay where they are");
}

// Bytes of a packet may be moved while they are written.
Ruling<void> check_dynptr_write(const CallSite& /*site*/, CallPlan& plan) {
    const auto kind = static_cast<DynptrKind>(plan.dynptr->subject);
    plan.moves_packet = kind == DynptrKind::packet || kind == DynptrKind::packet_metadata;
    return {};
}

// bpf_snprintf's arguments are an array of 8-byte numbers; its format must fit them.
Ruling<void> check_snprintf(const CallSite& site, CallPlan& plan) {
    static_cast<void>(plan);
    constexpr std::uint64_t kArgumentBytes = 8;
    const std::uint64_t bytes = site.value(5).number.value();
    if (bytes % kArgumentBytes != 0) {
        return refuse(
            FindingCode::wrong_argument, EINVAL, "",
            fmt::format("the arguments of bpf_snprintf have {} bytes, no multiple of 8", bytes));
    }
    return check_format(site, 3, bytes / kArgumentBytes);
}

// Where a function is about to be entered or left, its address is known.
Ruling<void> check_func_ip(const CallSite& site, CallPlan& plan) {
    static_cast<void>(plan);
    const spec::ProgramType type = site.subject.program.type;
    const auto attach = static_cast<spec::AttachType>(site.subject.program.expected_attach_type);
    const bool at_function = attach == spec::AttachType::trace_fentry ||
                             attach == spec::AttachType::trace_fexit ||
                             attach == spec::AttachType::modify_return;
    if (type == spec::ProgramType::kprobe || (type == spec::ProgramType::tracing && at_function)) {
        return {};
    }
    if (type == spec::ProgramType::tracing) {
        return refuse(FindingCode::call_not_allowed_here, kNotSupported,
                      fmt::format("func {}#{} supported only for fentry/fexit/fmod_ret programs",
                                  site.name(), static_cast<std::uint32_t>(site.helper.id)),
                      "a tracepoint and an iterator are at no function");
    }
    return refuse(FindingCode::call_not_allowed_here, EOPNOTSUPP,
                  fmt::format("func {}#{} not supported for program type {}", site.name(),
                              static_cast<std::uint32_t>(site.helper.id),
                              static_cast<std::uint32_t>(type)),
                  "only kprobes and tracing programs run at a function");
}

// The number of rounds is followed as a number; Linux stumbles over anything else.
Ruling<void> check_loop(const CallSite& site, CallPlan& plan) {
    static_cast<void>(plan);
    if (site.value(1).is_scalar()) {
        return {};
    }
    return refuse(FindingCode::wrong_argument, EFAULT, "verifier bug: backtracking misuse",
                  "the number of rounds of bpf_loop is a pointer");
}

// What a call writes into a map, or takes out of it, a map that is closed to programs refuses.
// Maps of devices always are.
Ruling<void> check_map_writable(const CallSite& site, CallPlan& plan) {
    if (!plan.map.has_value()) {
        return {};
    }
    const spec::MapSpec& map = site.subject.map(*plan.map);
    if ((map.flags & spec::kMapReadOnlyProgram) == 0 && map.type != spec::MapType::devmap &&
        map.type != spec::MapType::devmap_hash) {
        return {};
    }
    return refuse(
        FindingCode::wrong_map, EACCES, "write into map forbidden",
        fmt::format("map '{}' is read-only for programs", site.subject.map(*plan.map).name));
}

struct SpecialRule {
    Helper helper;
    Ruling<void> (*check)(const CallSite&, CallPlan&);
};
constexpr SpecialRule kSpecialRules[] = {
    {Helper::tail_call,
     [](const CallSite& site, CallPlan& plan) -> Ruling<void> {
         plan.is_tail_call = true;
         return check_tail_call(site);
     }},
    {Helper::get_local_storage, check_local_storage},
    {Helper::timer_init, check_timer_map},
    {Helper::snprintf, check_snprintf},
    {Helper::loop, check_loop},
    {Helper::get_func_ip, check_func_ip},
    {Helper::map_update_elem, check_map_writable},
    {Helper::map_delete_elem, check_map_writable},
    {Helper::map_push_elem, check_map_writable},
    {Helper::map_pop_elem, check_map_writable},
    {Helper::dynptr_from_mem, check_dynptr_memory},
    {Helper::dynptr_write, check_dynptr_write},
};

Value callback_argument(const CallSite& site, const CallPlan& plan, const spec::CallbackRow& row,
                        unsigned number) {
    switch (row.arguments[number - 1]) {
    case spec::CallbackArgument::none:
        return Value::uninitialised();
    case spec::CallbackArgument::number:
        return Value::unknown();
    case spec::CallbackArgument::map:
        return Value::pointer(ValueKind::map_pointer, 0,
                              plan.map.has_value() ? plan.map->number : 0);
    case spec::CallbackArgument::key:
        return Value::pointer(ValueKind::map_key, 0, plan.map.has_value() ? plan.map->number : 0);
    case spec::CallbackArgument::value:
        return Value::pointer(ValueKind::map_value, 0, plan.map.has_value() ? plan.map->number : 0);
    case spec::CallbackArgument::context:
        return site.value(row.context_argument);
    case spec::CallbackArgument::task:
        return site.value(1);
    case spec::CallbackArgument::vma:
        return Value::pointer(ValueKind::btf_object, kTrusted,
                              kernel_structure(site.subject, "vm_area_struct").value_or(0));
    case spec::CallbackArgument::dynptr:
        return Value::pointer(ValueKind::dynptr, 0, static_cast<std::uint32_t>(DynptrKind::local));
    }
    return Value::uninitialised();
}

// What the walk needs to enter the subprogram that the helper calls back.
void plan_callback(const CallSite& site, const spec::CallbackRow& row, CallPlan& plan) {
    CallbackRequest request;
    request.subprogram = site.value(row.function_argument).subprogram();
    request.kind = row.timing == spec::CallbackTiming::synchronous ? CallbackKind::synchronous
                                                                   : CallbackKind::asynchronous;
    request.function_register = static_cast<Reg>(row.function_argument);
    request.context_register = static_cast<Reg>(row.context_argument);
    for (unsigned number = 1; number <= kMaxArguments; ++number) {
        request.arguments[number] = callback_argument(site, plan, row, number);
    }
    request.result = {row.answers.minimum, row.answers.maximum};
    if (site.helper.id == Helper::loop) {
        request.max_iterations = site.value(1).is_scalar() ? site.value(1).number.u.max : ~0ULL;
    }
    plan.callback = request;
}

Ruling<void> check_whole_call(const CallSite& site, CallPlan& plan) {
    for (const SpecialRule& rule : kSpecialRules) {
        if (rule.helper == site.helper.id) {
            TRY(rule.check(site, plan));
        }
    }
    TRY(check_map(site, plan));
    if (const spec::CallbackRow* row = spec::find_callback(site.helper.id)) {
        plan_callback(site, *row, plan);
    }
    return check_result_known(site, plan);
}

} // namespace

Ruling<CallPlan> check_helper_call(const Subject& subject, const State& state, InsnIndex at) {
    const spec::HelperRow* row = TRY(check_gate(subject, state, at));
    const CallSite site{subject, state, at, *row, spec::arguments(*row, subject.program.type)};
    CallPlan plan;
    plan.function = static_cast<std::uint32_t>(row->id);
    plan.moves_packet = row->effects.has(spec::Effect::moves_packet);
    TRY(check_arguments(site, plan));
    TRY(check_whole_call(site, plan));
    return plan;
}

void step_helper_call(const Subject& subject, const CallPlan& plan, InsnIndex at, State& state,
                      IdSource& ids) {
    const spec::HelperRow& row = *spec::find_helper(plan.function);
    const State before = state;
    step_common(plan, state);
    const CallSite site{subject, before, at, row, spec::arguments(row, subject.program.type)};
    step_lock(site, plan, state, ids);
    step_dynptrs(plan, at, state, ids);
    Value result = result_of(site, plan, ids);
    if (acquires(site, plan) && result.is_pointer()) {
        result.reference_id = result.id != 0 ? result.id : ids.next();
        state.resources.acquire(ResourceKind::reference, result.reference_id, at);
    }
    state.set_reg(0, result);
}

void step_common(const CallPlan& plan, State& state) {
    if (plan.released_reference != 0) {
        state.resources.release(plan.released_reference);
        state.invalidate_reference(plan.released_reference);
    }
    for (const StackFill& fill : plan.fills) {
        state.stack_for_write(fill.frame).set_bytes(fill.offset, fill.size_bytes, SlotByte::misc);
    }
    if (plan.moves_packet) {
        state.forget_packet_pointers();
    }
    state.clobber_caller_saved();
}

std::string_view helper_name(std::uint32_t helper) {
    const spec::HelperRow* row = spec::find_helper(helper);
    return row == nullptr ? std::string_view{} : row->name;
}

} // namespace skep::verify
