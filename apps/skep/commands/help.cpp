// SPDX-License-Identifier: Apache-2.0
//
// skep help, skep version.
#include "apps/skep/help.hpp"
#include "apps/skep/command_table.hpp"

namespace skep::app {

namespace {

constexpr std::string_view kVersion = "0.1.0";
constexpr std::string_view kBpftoolVersion = "7.1.0"; // whose grammar and output this follows

Result<void> help(Session& session, Words& words) {
    if (words.take_keyword("man")) {
        session.out().write(man_page());
    } else if (words.take_keyword("completion")) {
        if (!words.at_end() && !words.take_keyword("bash")) {
            return fail(Code::unsupported,
                        fmt::format("no completion for '{}': there is one for bash", words.peek()));
        }
        session.out().write(bash_completion());
    } else if (session.json() == nullptr) {
        // What was asked for goes where a pager finds it; bpftool has it on standard error.
        (session.is_bpftool() ? session.err() : session.out()).write(usage_of_program(session));
    }
    return {};
}

Result<void> version(Session& session, Words&) {
    if (observe::JsonWriter* json = session.json()) {
        json->begin_object();
        json->member("version", session.is_bpftool() ? kBpftoolVersion : kVersion);
        json->member("skep_version", kVersion);
        json->member("bpftool_version", kBpftoolVersion);
        json->begin_object("features");
        json->member("libbfd", false);
        json->member("libbpf_strict", true);
        json->member("skeletons", false);
        json->member("disassembler", true);
        json->end_object();
        json->end_object();
    } else if (session.is_bpftool()) {
        session.print("bpftool v{}\nusing skep v{}\nfeatures: libbpf_strict, disassembler\n",
                      kBpftoolVersion, kVersion);
    } else {
        session.print("skep v{}\nlike bpftool v{}\nfeatures: libbpf_strict, disassembler\n",
                      kVersion, kBpftoolVersion);
    }
    return {};
}

} // namespace

const Noun& help_noun() {
    static constexpr Verb row{"", "[ man | completion bash ]",
                              "shows what can be done; prints the manual or completions", help};
    static constexpr Noun noun{
        .name = "help", .says = "What there is.", .verbs = {}, .itself = &row};
    return noun;
}

const Noun& version_noun() {
    static constexpr Verb row{"", "", "prints the version", version};
    static constexpr Noun noun{
        .name = "version", .says = "Which skep this is.", .verbs = {}, .itself = &row};
    return noun;
}

} // namespace skep::app
