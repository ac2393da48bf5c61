// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/shape/structure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <variant>

#include "skep/spec/helpers.hpp"
#include "skep/spec/kfuncs.hpp"
#include "skep/spec/limits.hpp"
#include "skep/spec/program_types.hpp"
#include "skep/verify/explain/codes.hpp"
#include "skep/verify/shape/control_flow.hpp"
#include "skep/verify/shape/function_info.hpp"
#include "skep/verify/shape/references.hpp"

namespace skep::verify {
namespace {

constexpr std::size_t kMaxInsns = spec::limits::program_insns;
constexpr std::size_t kMaxInsnsUnprivileged = spec::limits::program_insns_unprivileged;
constexpr std::size_t kMaxSubprograms = spec::limits::subprograms;

Finding broken(InsnIndex at, std::string kernel_message, std::string what, std::string because) {
    Finding finding;
    finding.code = "E0101";
    finding.os_errno = EINVAL;
    finding.kernel_message = std::move(kernel_message);
    finding.what = std::move(what);
    finding.place.insn = at;
    finding.because = std::move(because);
    finding.suggestion =
        "build the object again; if it was written by hand or by a tool, that is where to look";
    return finding;
}

// Programs that may sleep are loaded as such, and only types that are run where they may.
Ruling<void> check_sleeping(const ProgramSpec& program) {
    constexpr std::uint32_t kSleepable = 1U << 4; // BPF_F_SLEEPABLE
    const spec::ProgramTypeRow* row = spec::find(program.type);
    const bool sleeps = (program.flags & kSleepable) != 0;
    const auto attach = static_cast<spec::AttachType>(program.expected_attach_type);
    const bool is_tracepoint =
        program.type == spec::ProgramType::tracing && attach == spec::AttachType::trace_raw_tp;
    const bool is_group_hook =
        program.type == spec::ProgramType::lsm && attach == spec::AttachType::lsm_cgroup;
    if (row != nullptr && sleeps &&
        (row->sleeping == spec::Sleeping::never || is_tracepoint || is_group_hook)) {
        Finding finding =
            broken(InsnIndex{0},
                   "Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be "
                   "sleepable",
                   "a program of this type never sleeps",
                   fmt::format("the program is of type {} and was loaded as sleepable", row->name));
        return finding;
    }
    return {};
}

Ruling<void> check_length(const ProgramSpec& program, const Capabilities& capabilities) {
    const std::size_t limit = capabilities.bpf ? kMaxInsns : kMaxInsnsUnprivileged;
    if (!program.insns.empty() && program.insns.size() <= limit) {
        return {};
    }
    Finding finding = broken(
        InsnIndex{}, "", program.insns.empty() ? "the program is empty" : "the program is too long",
        fmt::format("it has {} instructions; {} are allowed", program.insns.size(), limit));
    finding.code = "E0102";
    finding.os_errno = E2BIG;
    return finding;
}

// Without CAP_BPF there are types that anyone may load, where that is switched on; some types need
// more.
Ruling<void> check_type_permitted(const ProgramSpec& program, const Capabilities& capabilities) {
    using Needs = spec::ProgramCapability;
    const spec::ProgramTypeRow* row = spec::find(program.type);
    const Needs needs = row == nullptr ? Needs::bpf : row->capability;
    const std::string_view missing =
        needs != Needs::unprivileged && !capabilities.bpf      ? "CAP_BPF"
        : needs == Needs::net_admin && !capabilities.net_admin ? "CAP_NET_ADMIN"
        : needs == Needs::perfmon && !capabilities.perfmon     ? "CAP_PERFMON"
                                                               : "";
    if (missing.empty()) {
        return {};
    }
    return refuse(FindingCode::not_permitted, EPERM, "",
                  fmt::format("programs of type {} are loaded with {}",
                              row == nullptr ? "unknown" : row->name, missing));
}

// Something of the same shape: it goes where the instruction goes. What it does never matters.
Insn stand_in(const ProgramSpec& program, InsnIndex at) {
    constexpr unsigned kImm = 1, kSource = 2, kDestination = 4, kOffset = 8;
    const RawInsn& raw = program.insns[at.value];
    for (unsigned cleared = kImm; cleared <= (kImm | kSource | kDestination | kOffset); ++cleared) {
        RawInsn tried = raw;
        tried.imm = (cleared & kImm) != 0 ? 0 : raw.imm;
        tried.registers &= (cleared & kSource) != 0 ? 0x0f : 0xff;
        tried.registers &= (cleared & kDestination) != 0 ? 0xf0 : 0xff;
        tried.offset = (cleared & kOffset) != 0 ? std::int16_t{0} : raw.offset;
        const std::array<RawInsn, 2> alone{tried, RawInsn{}};
        const auto decoded = decode(alone, InsnIndex{0});
        if (const auto* insn = std::get_if<Insn>(&decoded)) {
            return *insn;
        }
    }
    Insn nothing;
    nothing.kind = InsnKind::alu;
    nothing.alu_op = AluOp::mov;
    return nothing;
}

// What is refused at the end is told after the layout of functions and jumps was looked at, where
// something of the same shape stands for it.
Ruling<void> decode_program(Subject& subject) {
    constexpr std::uint8_t kCallRegister = 0x8d; // compilers know it, no released kernel does
    const ProgramSpec& program = subject.program;
    std::vector<Insn>& insns = subject.insns;
    Ruling<void> first_refused;
    insns.resize(program.insns.size());
    for (std::uint32_t at = 0; at < insns.size();) {
        std::variant<Insn, DecodeError> decoded = decode(program.insns, InsnIndex{at});
        const std::uint8_t opcode = program.insns[at].opcode;
        if (opcode == kCallRegister) {
            decoded = DecodeError{EINVAL, fmt::format("unknown opcode {:02x}", opcode)};
        }
        const auto* error = std::get_if<DecodeError>(&decoded);
        if (error != nullptr && error->when_reached) {
            subject.unusable.emplace(InsnIndex{at}, error->message);
        } else if (error != nullptr && first_refused.ok()) {
            first_refused = unusable(InsnIndex{at}, error->message);
        }
        const Insn insn =
            error == nullptr ? std::get<Insn>(decoded) : stand_in(program, InsnIndex{at});
        for (std::uint32_t slot = 0; slot < insn.slots() && at + slot < insns.size(); ++slot) {
            insns[at + slot] = insn;
        }
        at += insn.slots();
    }
    return first_refused;
}

// Calls f(at, insn) for each instruction, second slots left out, until it refuses.
template <class Function>
Ruling<void> for_each_insn(const std::vector<Insn>& insns, Function f) {
    for (std::uint32_t at = 0; at < insns.size(); at += insns[at].slots()) {
        TRY(f(InsnIndex{at}, insns[at]));
    }
    return {};
}

bool names_subprogram(const Insn& insn) {
    return insn.kind == InsnKind::call_subprogram ||
           (insn.kind == InsnKind::load_wide && insn.wide_source == WideSource::function);
}

std::int64_t named_subprogram(const Insn& insn, InsnIndex at) {
    return insn.kind == InsnKind::call_subprogram ? insn.target(at)
                                                  : std::int64_t{at.value} + insn.imm + 1;
}

Ruling<void> check_functions_permitted(const Subject& subject) {
    if (subject.environment.capabilities.bpf) {
        return {};
    }
    return for_each_insn(subject.insns, [](InsnIndex at, const Insn& insn) -> Ruling<void> {
        if (!names_subprogram(insn) && insn.kind != InsnKind::call_kfunc) {
            return {};
        }
        Finding finding = refuse(FindingCode::not_permitted, EPERM,
                                 "loading/calling other bpf or kernel functions are allowed for "
                                 "CAP_BPF and CAP_SYS_ADMIN",
                                 "without CAP_BPF a program is one function, which calls helpers");
        finding.place.insn = at;
        return finding;
    });
}

// A subprogram begins at 0 and wherever a call or a function address points.
Ruling<std::vector<Subprogram>> find_subprograms(const std::vector<Insn>& insns) {
    std::set<std::uint32_t> starts{0};
    TRY(for_each_insn(insns, [&](InsnIndex at, const Insn& insn) -> Ruling<void> {
        if (!names_subprogram(insn)) {
            return {};
        }
        const std::int64_t target = named_subprogram(insn, at);
        if (target < 0 || target >= static_cast<std::int64_t>(insns.size())) {
            return broken(at,
                          insn.kind == InsnKind::call_subprogram ? "call to invalid destination"
                                                                 : "invalid destination",
                          "a call out of the program",
                          fmt::format("instruction {} calls instruction {}, which is not there",
                                      at.value, target));
        }
        starts.insert(static_cast<std::uint32_t>(target));
        return {};
    }));
    if (starts.size() > kMaxSubprograms) {
        Finding finding =
            broken(InsnIndex{}, "too many subprograms", "too many functions",
                   fmt::format("there are {}; {} are allowed", starts.size(), kMaxSubprograms));
        finding.os_errno = E2BIG;
        return finding;
    }
    std::vector<Subprogram> subprograms;
    for (const std::uint32_t start : starts) {
        if (!subprograms.empty()) {
            subprograms.back().end = InsnIndex{start};
        }
        subprograms.push_back({});
        subprograms.back().start = InsnIndex{start};
    }
    subprograms.back().end = InsnIndex{static_cast<std::uint32_t>(insns.size())};
    return subprograms;
}

bool jumps(const Insn& insn) {
    return insn.kind == InsnKind::jump || insn.kind == InsnKind::jump_always ||
           insn.kind == InsnKind::may_goto;
}

Ruling<void> check_jumps(const Subject& subject, const Subprogram& subprogram) {
    InsnIndex last = subprogram.start;
    for (std::uint32_t at = subprogram.start.value; at < subprogram.end.value;
         at += subject.insns[at].slots()) {
        const Insn& insn = subject.insns[at];
        last = InsnIndex{at};
        if (!jumps(insn)) {
            continue;
        }
        const std::int64_t target = insn.target(last);
        if (target < subprogram.start.value || target >= subprogram.end.value) {
            return broken(last, fmt::format("jump out of range from insn {} to {}", at, target),
                          "a jump leaves its function",
                          fmt::format("the function is instructions {} to {}",
                                      subprogram.start.value, subprogram.end.value - 1));
        }
    }
    const InsnKind kind = subject.insn(last).kind;
    if (kind != InsnKind::exit && kind != InsnKind::jump_always) {
        return broken(last, "last insn is not an exit or jmp", "a function does not end",
                      "its last instruction neither exits nor jumps");
    }
    return {};
}

void describe_subprograms(Subject& subject) {
    for (Subprogram& subprogram : subject.subprograms) {
        for (std::uint32_t at = subprogram.start.value; at < subprogram.end.value; ++at) {
            const Insn& insn = subject.insns[at];
            subprogram.has_calls = subprogram.has_calls || insn.kind == InsnKind::call_helper ||
                                   insn.kind == InsnKind::call_kfunc ||
                                   insn.kind == InsnKind::call_subprogram;
            subprogram.has_tail_call =
                subprogram.has_tail_call || (insn.kind == InsnKind::call_helper &&
                                             insn.imm == number_of(spec::Helper::tail_call));
        }
    }
    for (const Insn& insn : subject.insns) {
        if (insn.kind == InsnKind::load_wide && insn.wide_source == WideSource::function) {
            const auto at = static_cast<std::uint32_t>(&insn - subject.insns.data());
            const auto found = subject.subprogram_at(
                InsnIndex{static_cast<std::uint32_t>(named_subprogram(insn, InsnIndex{at}))});
            if (found.has_value()) { // a second slot points one further, where none may begin
                subject.subprograms[*found].is_callback = true;
            }
        }
    }
}

// What calling this does. Of a function that is not known, the worst.
struct Doings {
    bool moves_packet = false;
    bool may_sleep = false;

    bool operator==(const Doings&) const = default;
    Doings operator|(const Doings& other) const {
        return {moves_packet || other.moves_packet, may_sleep || other.may_sleep};
    }
};

Doings doings_of(const Subject& subject, const Insn& insn) {
    if (insn.kind == InsnKind::call_kfunc) {
        const spec::KfuncRow* row = subject.kfunc_row(insn);
        return row == nullptr ? Doings{true, true}
                              : Doings{row->flags.has(spec::KfuncFlag::moves_packet),
                                       row->flags.has(spec::KfuncFlag::sleeps)};
    }
    if (insn.kind != InsnKind::call_helper) {
        return {};
    }
    const spec::HelperRow* row = spec::find_helper(static_cast<std::uint32_t>(insn.imm));
    return row == nullptr ? Doings{}
                          : Doings{row->effects.has(spec::Effect::moves_packet),
                                   row->effects.has(spec::Effect::may_sleep)};
}

Doings doings_of(const Subject& subject, const Subprogram& subprogram) {
    Doings doings{subprogram.moves_packet, subprogram.may_sleep};
    for (std::uint32_t at = subprogram.start.value; at < subprogram.end.value;
         at += subject.insns[at].slots()) {
        const Insn& insn = subject.insns[at];
        doings = doings | doings_of(subject, insn);
        if (names_subprogram(insn)) {
            const auto target = static_cast<std::uint32_t>(named_subprogram(insn, InsnIndex{at}));
            const auto callee = subject.subprogram_at(InsnIndex{target});
            if (callee.has_value()) {
                const Subprogram& called = subject.subprograms[*callee];
                doings = doings | Doings{called.moves_packet, called.may_sleep};
            }
        }
    }
    return doings;
}

// A function moves the packet, or sleeps, when it, or one that it calls or hands on, does.
void find_doings(Subject& subject) {
    bool changed = true;
    while (changed) {
        changed = false;
        for (Subprogram& subprogram : subject.subprograms) {
            const Doings before{subprogram.moves_packet, subprogram.may_sleep};
            const Doings doings = doings_of(subject, subprogram);
            changed = changed || doings != before;
            subprogram.moves_packet = doings.moves_packet;
            subprogram.may_sleep = doings.may_sleep;
        }
    }
}

} // namespace

Finding unusable(InsnIndex at, const std::string& message) {
    Finding finding = broken(at, message, "an instruction that means nothing", message);
    finding.code = "E0103";
    return finding;
}

Ruling<Subject> check_structure(const ProgramSpec& program, const Environment& environment) {
    if (!environment.capabilities.bpf) {
        TRY(check_type_permitted(program, environment.capabilities));
    }
    TRY(check_length(program, environment.capabilities));
    TRY(check_type_permitted(program, environment.capabilities));
    TRY(check_sleeping(program));
    Subject subject{program, environment, {}, {}};
    Ruling<void> decoded = decode_program(subject);
    TRY(check_functions_permitted(subject));
    subject.subprograms = TRY(find_subprograms(subject.insns));
    for (const Subprogram& subprogram : subject.subprograms) {
        TRY(check_jumps(subject, subprogram));
    }
    TRY(read_function_info(subject));
    TRY(std::move(decoded));
    TRY(check_references(subject));
    TRY(check_control_flow(subject));
    describe_subprograms(subject);
    find_doings(subject);
    return subject;
}

} // namespace skep::verify
