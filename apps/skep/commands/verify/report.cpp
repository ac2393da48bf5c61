// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/commands/verify/report.hpp"

#include "skep/observe/object_views.hpp"
#include "skep/os/terminal.hpp"
#include "skep/spec/kernels/features.hpp"
#include "skep/verify/explain/render.hpp"

namespace skep::app {

namespace {

std::string_view word_for(verify::Verdict verdict) {
    switch (verdict) {
    case verify::Verdict::accept:
        return "accept";
    case verify::Verdict::reject:
        return "reject";
    case verify::Verdict::error:
        break;
    }
    return "error";
}

std::string version_text(std::uint32_t version) {
    return fmt::format("{}.{}", spec::major_of(version), spec::minor_of(version));
}

void print_place(observe::JsonWriter& json, const verify::Place& place) {
    json.member("insn", place.insn.value);
    if (place.line != 0) {
        json.member("file", std::string_view(place.file));
        json.member("line", place.line);
        json.member("column", place.column);
        json.member("source", std::string_view(place.source));
    }
}

void print_fix(observe::JsonWriter& json, const verify::Fix& fix) {
    json.name("fix");
    json.begin_object();
    json.member("change", fix.kind == verify::Fix::Kind::insert_before
                              ? std::string_view("insert_before")
                              : std::string_view("replace_line"));
    json.member("file", std::string_view(fix.file));
    json.member("line", fix.line);
    json.member("text", std::string_view(fix.text));
    json.end_object();
}

void print_finding(observe::JsonWriter& json, const verify::Finding& finding) {
    json.begin_object();
    json.member("code", std::string_view(finding.code));
    json.member("what", std::string_view(finding.what));
    print_place(json, finding.place);
    json.member("because", std::string_view(finding.because));
    json.begin_array("notes");
    for (const verify::Note& note : finding.notes) {
        json.begin_object();
        json.member("text", std::string_view(note.text));
        print_place(json, note.place);
        json.end_object();
    }
    json.end_array();
    json.begin_array("path");
    for (const verify::Decision& decision : finding.path) {
        json.begin_object();
        print_place(json, decision.place);
        json.member("holds", std::string_view(decision.holds));
        json.end_object();
    }
    json.end_array();
    json.member("suggestion", std::string_view(finding.suggestion));
    if (finding.fix.has_value()) {
        print_fix(json, *finding.fix);
    }
    json.member("kernel_message", std::string_view(finding.kernel_message));
    json.end_object();
}

void print_needs(observe::JsonWriter& json, const verify::Outcome& outcome) {
    json.begin_array("needs");
    for (const verify::KernelNeed& need : outcome.needs) {
        json.begin_object();
        json.member("feature", std::string_view(need.feature));
        json.member("since", std::string_view(version_text(need.since)));
        json.member("insn", need.insn.value);
        json.end_object();
    }
    json.end_array();
}

void print_head(observe::JsonWriter& json, const Judged& judged) {
    json.member("object", std::string_view(judged.file));
    json.member("section", std::string_view(judged.program.section));
    json.member("program", std::string_view(judged.program.name));
    json.member("type", std::string_view(observe::name_of_program_type(
                            static_cast<std::uint32_t>(judged.program.type))));
    json.member("insns", judged.program.insns.size());
}

void print_json(observe::JsonWriter& json, const Judged& judged) {
    const verify::Outcome& outcome = judged.outcome;
    json.begin_object();
    print_head(json, judged);
    json.member("verdict", word_for(outcome.verdict));
    json.member("errno", outcome.os_errno);
    json.member("message", std::string_view(outcome.message));
    json.member("insns_processed", outcome.statistics.insns_processed);
    json.member("by_joining", outcome.by_joining);
    json.member("peak_states", outcome.statistics.peak_states);
    json.member("total_states", outcome.statistics.total_states);
    json.member("time_us", judged.time_us);
    json.member("memory_bytes", outcome.statistics.memory_bytes);
    json.name("finding");
    if (outcome.findings.empty()) {
        json.null();
    } else {
        print_finding(json, outcome.findings.front());
    }
    json.begin_array("findings");
    for (const verify::Finding& finding : outcome.findings) {
        print_finding(json, finding);
    }
    json.end_array();
    print_needs(json, outcome);
    if (!outcome.log.empty()) {
        json.member("log", std::string_view(outcome.log));
    }
    json.end_object();
}

template <class Print>
void print_as_line(Session& session, Print print) {
    if (session.json() != nullptr && session.json()->depth() > 0) {
        print(*session.json());
        return;
    }
    const auto* asked = session.json();
    observe::JsonWriter json(session.out(),
                             asked != nullptr ? asked->layout() : observe::JsonLayout::compact);
    print(json);
    json.end_document();
}

// The least kernel that takes the program: 0 when none does.
struct Support {
    const verify::Outcome& newest;
    const verify::Outcome* before_global_functions;

    [[nodiscard]] bool by(spec::KernelVersion version) const {
        constexpr auto kGlobal =
            *spec::kernel_version(spec::row(spec::Feature::global_functions).since);
        const bool is_older = version < kGlobal && before_global_functions != nullptr;
        const verify::Outcome& outcome = is_older ? *before_global_functions : newest;
        if (newest.verdict == verify::Verdict::error) {
            return false;
        }
        for (const verify::KernelNeed& need : newest.needs) {
            if (need.since > version) {
                return false;
            }
        }
        return is_older ? outcome.verdict == verify::Verdict::accept
                        : newest.verdict == verify::Verdict::accept;
    }
};

} // namespace

void print_line(Session& session, const Judged& judged) {
    print_as_line(session, [&judged](observe::JsonWriter& json) { print_json(json, judged); });
}

void print_text(Session& session, const Judged& judged) {
    const verify::Outcome& outcome = judged.outcome;
    session.print("{}: {}: {} ({}, {} insns): ", judged.file, judged.program.section,
                  judged.program.name,
                  observe::name_of_program_type(static_cast<std::uint32_t>(judged.program.type)),
                  judged.program.insns.size());
    if (outcome.verdict == verify::Verdict::accept) {
        session.print("accepted{}, {} insns processed in {} us\n",
                      outcome.by_joining ? " in the extended mode (the kernel may refuse it as too "
                                           "complex)"
                                         : "",
                      outcome.statistics.insns_processed, judged.time_us);
    } else {
        session.print("{}\n", outcome.verdict == verify::Verdict::reject
                                  ? "refused"
                                  : "error: " + outcome.message);
    }
    session.print("{}", outcome.log);
    const verify::RenderOptions options{.colour = os::wants_colour() ? verify::Colour::yes
                                                                     : verify::Colour::no};
    for (const verify::Finding& finding : outcome.findings) {
        session.print("{}", verify::render(judged.program, finding, options));
    }
    if (!outcome.findings.empty()) {
        session.print("{} {}; the longer story: skep explain {}\n", outcome.findings.size(),
                      outcome.findings.size() == 1 ? "finding" : "findings",
                      outcome.findings.front().code);
    }
}

void print_kernels(Session& session, const Judged& judged,
                   const verify::Outcome* before_global_functions) {
    const Support support{judged.outcome, before_global_functions};
    std::string line;
    for (const spec::KernelVersion version : spec::kLongTermKernels) {
        line += fmt::format("  {} {}", version_text(version), support.by(version) ? "yes" : "no");
    }
    session.print("{}: {}:{}\n", judged.file, judged.program.name, line);
    spec::KernelVersion first = 0;
    for (const spec::KernelSeries& series : spec::kKernelSeries) {
        for (std::uint32_t minor = series.first_minor; minor <= series.last_minor; ++minor) {
            const auto version = spec::kernel_version(series.major, minor);
            first = first == 0 && support.by(version) ? version : first;
        }
    }
    if (first != 0) {
        session.print("  loads from Linux {} on\n", version_text(first));
    } else {
        session.print("  no kernel to {} takes it: {}\n", version_text(spec::kNewestKernel),
                      judged.outcome.message);
    }
    for (auto need = judged.outcome.needs.rbegin(); need != judged.outcome.needs.rend(); ++need) {
        session.print("  {:>6}  {}\n", version_text(need->since), need->feature);
    }
}

void print_kernels_line(Session& session, const Judged& judged,
                        const verify::Outcome* before_global_functions) {
    const Support support{judged.outcome, before_global_functions};
    print_as_line(session, [&](observe::JsonWriter& json) {
        json.begin_object();
        print_head(json, judged);
        json.begin_array("kernels");
        for (const spec::KernelSeries& series : spec::kKernelSeries) {
            for (std::uint32_t minor = series.first_minor; minor <= series.last_minor; ++minor) {
                const auto version = spec::kernel_version(series.major, minor);
                json.begin_object();
                json.member("version", std::string_view(version_text(version)));
                json.member("verdict", support.by(version) ? std::string_view("accept") : "reject");
                json.end_object();
            }
        }
        json.end_array();
        print_needs(json, judged.outcome);
        json.end_object();
    });
}

} // namespace skep::app
