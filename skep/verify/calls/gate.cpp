// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/calls/gate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "skep/bytecode/unresolved.hpp"
#include "skep/spec/rights/licences.hpp"
#include "skep/spec/rights/rights.hpp"
#include "skep/verify/access/typed_context.hpp"
#include "skep/verify/explain/codes.hpp"

namespace skep::verify {
namespace {

constexpr std::uint32_t kSleepable = 1U << 4; // BPF_F_SLEEPABLE
std::string type_text(const Subject& subject) {
    const spec::ProgramTypeRow* row = spec::find(subject.program.type);
    return row == nullptr ? fmt::format("type {}", static_cast<std::uint32_t>(subject.program.type))
                          : std::string(row->name);
}

// Helpers that tracing programs have and that decide about each of them; programs of system calls
// share the set.
bool decides_itself(const spec::HelperRow& row, spec::ProgramType program) {
    constexpr spec::Helper kDecide[] = {spec::Helper::d_path, spec::Helper::sk_storage_get,
                                        spec::Helper::sk_storage_delete};
    return (program == spec::ProgramType::tracing || program == spec::ProgramType::syscall) &&
           std::ranges::find(kDecide, row.id) != std::end(kDecide);
}

Finding not_offered(const Subject& subject, const spec::HelperRow& row) {
    Finding finding =
        refuse(FindingCode::function_not_offered, EINVAL,
               fmt::format("program of this type cannot use helper {}#{}", row.name,
                           static_cast<std::uint32_t>(row.id)),
               fmt::format("{} is not offered to {} programs", row.name, type_text(subject)));
    if (decides_itself(row, subject.program.type)) {
        finding.kernel_message = "helper call is not allowed in probe";
    }
    if (row.callers->types.contains(subject.program.type)) {
        finding.because =
            fmt::format("{} is offered to {} programs only at some attach types, or when sleepable",
                        row.name, type_text(subject));
    }
    return finding;
}

spec::Right missing_right(const Subject& subject, const spec::HelperRow& row) {
    const Capabilities& has = subject.environment.capabilities;
    const spec::Right right = spec::right_to_call(row.id);
    const bool is_missing =
        (right == spec::Right::bpf && !has.bpf) || (right == spec::Right::perfmon && !has.perfmon);
    return is_missing ? right : spec::Right::nothing;
}

Ruling<void> check_sections(const State& state, const spec::HelperRow& row) {
    const auto id = static_cast<std::uint32_t>(row.id);
    const bool is_spin_lock = row.effects.has(spec::Effect::locks) &&
                              state.resources.first(ResourceKind::resilient_lock) == nullptr;
    if (state.resources.holds_lock() && !row.effects.has(spec::Effect::unlocks) && !is_spin_lock) {
        return refuse(FindingCode::call_not_allowed_here, EINVAL,
                      "function calls are not allowed while holding a lock",
                      fmt::format("{} is called while a spin lock is held", row.name));
    }
    if (row.effects.has(spec::Effect::may_sleep) && state.resources.rcu_depth != 0) {
        return refuse(FindingCode::call_not_allowed_here, EINVAL,
                      fmt::format("sleepable helper {}#{} in rcu_read_lock region", row.name, id),
                      fmt::format("{} may sleep, and an RCU read section is open", row.name));
    }
    if (row.effects.has(spec::Effect::may_sleep) &&
        state.resources.first(ResourceKind::irq_flag) != nullptr) {
        return refuse(FindingCode::call_not_allowed_here, EINVAL,
                      fmt::format("sleepable helper {}#{} in IRQ-disabled region", row.name, id),
                      fmt::format("{} may sleep, and interrupts are off", row.name));
    }
    if (row.effects.has(spec::Effect::may_sleep) && state.resources.preempt_off_depth != 0) {
        return refuse(FindingCode::call_not_allowed_here, EINVAL,
                      fmt::format("sleepable helper {}#{} in non-preemptible region", row.name, id),
                      fmt::format("{} may sleep, and preemption is off", row.name));
    }
    return {};
}

} // namespace

Ruling<const spec::HelperRow*> check_gate(const Subject& subject, const State& state,
                                          InsnIndex at) {
    const auto id = static_cast<std::uint32_t>(subject.insn(at).imm);
    const spec::HelperRow* row = spec::find_helper(id);
    if (row == nullptr) {
        const std::string message =
            id == 0 ? "program of this type cannot use helper bpf_unspec#0"
                    : fmt::format("invalid func unknown#{}", subject.insn(at).imm);
        Finding finding =
            refuse(FindingCode::unknown_function, EINVAL, message,
                   fmt::format("helpers have numbers from 1 to {}", spec::kHighestHelper));
        if (subject.insn(at).imm == kUnresolvedInsn.imm || subject.insn(at).imm == kMissingKfunc) {
            finding.because = "a loader put this call where what the program asks the target for "
                              "is not there: a field, type, value or function";
            finding.suggestion = "ask first, with bpf_core_field_exists(), bpf_core_type_exists() "
                                 "or bpf_ksym_exists(), and take another way where it is not there";
        }
        return finding;
    }
    const std::string target = target_name(subject);
    const spec::CallerSite caller{
        .type = subject.program.type,
        .attach_type = static_cast<spec::AttachType>(subject.program.expected_attach_type),
        .sleepable = (subject.program.flags & kSleepable) != 0,
        .target = target,
    };
    if (!spec::is_offered(*row, caller)) {
        return not_offered(subject, *row);
    }
    if (const spec::Right missing = missing_right(subject, *row); missing != spec::Right::nothing) {
        Finding finding = not_offered(subject, *row);
        finding.because =
            fmt::format("{} is offered to loaders with {}", row->name, spec::name_of(missing));
        return finding;
    }
    if (row->licence == spec::Licence::gpl_only &&
        !spec::is_gpl_compatible(subject.program.license)) {
        return refuse(
            FindingCode::licence, EINVAL,
            "cannot call GPL-restricted function from non-GPL compatible program",
            fmt::format("{} is only for GPL-compatible programs, and the licence is \"{}\"",
                        row->name, subject.program.license));
    }
    if (row->effects.has(spec::Effect::may_sleep) && !caller.sleepable) {
        return refuse(
            FindingCode::call_not_allowed_here, EINVAL,
            "helper call might sleep in a non-sleepable prog",
            fmt::format("{} may sleep, and the program was not loaded as sleepable", row->name));
    }
    TRY(check_sections(state, *row));
    return row;
}

} // namespace skep::verify
