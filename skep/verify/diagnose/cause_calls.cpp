// SPDX-License-Identifier: Apache-2.0
//
// Causes of refused calls and exits: arguments, sizes, leaks, answers, and programs too complex.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "skep/spec/helpers.hpp"
#include "skep/spec/program_types.hpp"
#include "skep/verify/diagnose/cause.hpp"

namespace skep::verify {
namespace {

// What gives back what an acquiring call gave.
struct Release {
    std::string_view acquires; // a beginning of the name
    std::string_view releases;
};
constexpr std::array kReleases{
    Release{"bpf_ringbuf_reserve_dynptr", "bpf_ringbuf_discard_dynptr(&{}, 0)"},
    Release{"bpf_ringbuf_reserve", "bpf_ringbuf_discard({}, 0)"},
    Release{"bpf_sk_lookup", "bpf_sk_release({})"},
    Release{"bpf_skc_lookup", "bpf_sk_release({})"},
    Release{"bpf_task_", "bpf_task_release({})"},
    Release{"bpf_cgroup_", "bpf_cgroup_release({})"},
    Release{"bpf_cpumask_", "bpf_cpumask_release({})"},
    Release{"bpf_get_task_exe_file", "bpf_put_file({})"},
    Release{"bpf_obj_new", "bpf_obj_drop({})"},
};

std::string release_for(std::string_view callee, std::string_view name) {
    for (const Release& row : kReleases) {
        if (callee.starts_with(row.acquires)) {
            std::string text{row.releases};
            return text.replace(text.find("{}"), 2, name);
        }
    }
    return {};
}

std::string joined(const std::vector<std::string>& words, std::size_t most) {
    std::string text;
    for (std::size_t index = 0; index < words.size() && index < most; ++index) {
        text += (index == 0 ? "" : ", ") + words[index];
    }
    return words.size() > most ? fmt::format("{} and {} more", text, words.size() - most) : text;
}

// "key" of "(void *)key".
std::string without_cast(std::string_view text) {
    while (text.starts_with('(')) {
        const std::size_t end = text.find(')');
        if (end == std::string_view::npos || end + 1 >= text.size()) {
            break;
        }
        text.remove_prefix(end + 1);
        text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    }
    return std::string(text);
}

} // namespace

void explain_argument(Cause& cause) {
    const std::string callee = cause.callee(cause.step);
    if (!cause.reg.has_value() || *cause.reg == 0 || callee.empty()) {
        return;
    }
    if (cause.made.has_value()) {
        cause.note(*cause.made, fmt::format("R{} comes from here: {}", *cause.reg,
                                            described(cause.subject, cause.value)));
    }
    const auto call = call_in(cause.finding.place.source, callee);
    const std::size_t argument = *cause.reg - 1U;
    if (!call.has_value() || argument >= call->arguments.size()) {
        return;
    }
    const std::string& text = call->arguments[argument];
    const std::string bare = without_cast(text);
    cause.finding.because =
        fmt::format("argument {} of {}, `{}`, is {}; it takes {}", argument + 1, callee, text,
                    described(cause.subject, cause.value),
                    cause.finding.kernel_message.find("expected=fp") != std::string::npos
                        ? "a pointer to memory"
                        : "something else");
    const bool wants_memory = cause.finding.kernel_message.find("expected=fp") != std::string::npos;
    if (cause.value.is_scalar() && wants_memory && is_identifier(bare)) {
        std::string line = cause.finding.place.source;
        // Behind the arguments before it, which may have the same text in them.
        std::size_t from = call->begin;
        for (std::size_t earlier = 0; earlier < argument; ++earlier) {
            from = line.find(call->arguments[earlier], from) + call->arguments[earlier].size();
        }
        line.replace(line.find(text, from), text.size(), "&" + bare);
        cause.finding.suggestion = fmt::format("pass its address: &{}", bare);
        cause.replace_line(cause.finding.place, line);
    }
}

void explain_size(Cause& cause) {
    if (!cause.reg.has_value() || !cause.made.has_value()) {
        return;
    }
    const auto name = assigned_name(cause.place(*cause.made).source);
    cause.note(*cause.made,
               fmt::format("the size comes from here: {}", described(cause.subject, cause.value)));
    if (name.has_value()) {
        cause.finding.suggestion =
            fmt::format("bound it on both sides before the call: if ({0} < 0 || {0} > "
                        "sizeof(buffer)) {1}",
                        *name, cause.leave());
    }
}

namespace {

// Where to give back what was taken at step `taken`: the last branch after it is where this path
// parted from those that release it.
std::string where_to_release(const Cause& cause, std::size_t taken) {
    if (cause.finding.path.empty()) {
        return "before this path ends";
    }
    Place parted = cause.finding.path.back().place;
    for (std::size_t at = cause.step; at-- > taken;) {
        if (cause.trail.steps()[at].at == parted.insn) {
            parted = cause.place(at);
            break;
        }
    }
    return parted.line == 0
               ? fmt::format("on the path that leaves at instruction {}", parted.insn.value)
               : fmt::format("on the path that leaves at line {}", parted.line);
}

} // namespace

void explain_leak(Cause& cause) {
    const Resources& resources = cause.refused.state.resources;
    if (resources.held.empty()) {
        return;
    }
    const InsnIndex acquired = resources.held.front().acquired_at;
    const auto step = cause.trail.last(cause.step, [&](std::size_t earlier) {
        return cause.trail.steps()[earlier].at == acquired;
    });
    if (!step.has_value()) {
        return;
    }
    const Place place = cause.place(*step);
    const auto name = assigned_name(place.source);
    const std::string callee = cause.callee(*step);
    const std::string release = release_for(callee, name.value_or("it"));
    cause.finding.notes.clear();
    cause.note(*step, name.has_value() ? fmt::format("`{}` is taken here, by {}", *name, callee)
                                       : fmt::format("taken here, by {}", callee));
    cause.finding.because = fmt::format("what {} gave is still held where the program ends",
                                        callee.empty() ? "the call" : callee);
    if (!release.empty()) {
        cause.finding.suggestion =
            fmt::format("give it back {}: {};", where_to_release(cause, *step), release);
    }
}

void explain_return(Cause& cause) {
    if (!cause.made.has_value()) {
        return;
    }
    const Place place = cause.place(*cause.made);
    cause.note(*cause.made, fmt::format("the answer comes from here: {}",
                                        described(cause.subject, cause.value)));
    const auto range = spec::return_range(
        cause.subject.program.type,
        static_cast<spec::AttachType>(cause.subject.program.expected_attach_type));
    if (!range.has_value()) {
        return;
    }
    cause.finding.suggestion =
        fmt::format("return a number from {} to {} on every path; here it is {}", range->minimum,
                    range->maximum, described(cause.subject, cause.value));
    const std::size_t at = place.source.find("return ");
    if (at == std::string::npos) {
        return;
    }
    const std::size_t begin = at + std::string_view("return ").size();
    const std::size_t end = place.source.find(';', begin);
    if (end == std::string::npos) {
        return;
    }
    std::string line = place.source;
    line.replace(begin, end - begin, fmt::format("{}", range->maximum));
    cause.finding.suggestion = fmt::format("return a number from {} to {}: return {};",
                                           range->minimum, range->maximum, range->maximum);
    cause.replace_line(place, line);
}

void explain_not_offered(Cause& cause) {
    const spec::HelperRow* row = cause.insn.kind == InsnKind::call_helper
                                     ? spec::find_helper(static_cast<std::uint32_t>(cause.insn.imm))
                                     : nullptr;
    if (row == nullptr) {
        return;
    }
    std::vector<std::string> types;
    for (const spec::ProgramTypeRow& type : spec::kProgramTypes) {
        if (row->callers->types.contains(type.type)) {
            types.emplace_back(type.name);
        }
    }
    constexpr std::size_t kMostNamed = 8;
    cause.finding.because =
        fmt::format("{}; it is offered to {}", cause.finding.because, joined(types, kMostNamed));
    cause.finding.suggestion =
        fmt::format("do without {} here, or make it a program of one of those types", row->name);
}

// Which branch the path passed most often: that is the loop.
void explain_too_complex(Cause& cause) {
    std::map<std::uint32_t, std::uint32_t> passed;
    for (const TrailStep& step : cause.trail.steps()) {
        if (cause.subject.insn(step.at).kind == InsnKind::jump) {
            ++passed[step.at.value];
        }
    }
    const auto most =
        std::max_element(passed.begin(), passed.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most == passed.end() || most->second < 2) {
        return;
    }
    const auto step = cause.trail.last(cause.trail.steps().size(), [&](std::size_t earlier) {
        return cause.trail.steps()[earlier].at.value == most->first;
    });
    cause.note(*step, fmt::format("this branch was passed {} times in the last {} instructions of "
                                  "the path",
                                  most->second, cause.trail.steps().size()));
    if (cause.is(FindingCode::too_complex)) {
        cause.finding.suggestion =
            "go round fewer times, or let the kernel go round: bpf_loop(count, function, &data, 0) "
            "judges its function once";
    }
}

} // namespace skep::verify
