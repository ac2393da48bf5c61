// SPDX-License-Identifier: Apache-2.0
//
// skep help, skep version.
#include <optional>

#include "apps/skep/help/completion.hpp"
#include "apps/skep/help/help.hpp"
#include "apps/skep/help/suggest.hpp"

namespace skep::app {

namespace {

constexpr std::string_view kVersion = "0.1.0";
constexpr std::string_view kBpftoolVersion = "7.1.0"; // whose grammar and output this follows

Result<void> print_completion(Session& session, Words& words) {
    const std::string shell = words.at_end() ? "bash" : words.take();
    const std::optional<std::string> text = completion_for(shell);
    if (!text.has_value()) {
        return fail(Code::unsupported,
                    fmt::format("no completion for '{}': there are bash, zsh and fish", shell));
    }
    session.out().write(*text);
    return {};
}

// What was asked for goes where a pager finds it; bpftool has it on standard error.
void show(Session& session, const std::string& text) {
    if (session.json() == nullptr) {
        (session.is_bpftool() ? session.err() : session.out()).write(text);
    }
}

Result<void> help(Session& session, Words& words) {
    if (words.at_end() || session.is_bpftool()) {
        show(session, usage_of_program(session));
        return {};
    }
    if (words.take_keyword("man")) {
        session.out().write(man_page());
        return {};
    }
    if (words.take_keyword("completion")) {
        return print_completion(session, words);
    }
    const std::string typed = words.take();
    const Noun* noun = find_noun(typed);
    if (noun == nullptr) {
        return fail(Code::not_found, fmt::format("'{}' is no command{}", typed,
                                                 did_you_mean(typed, command_names(nullptr))));
    }
    const std::string typed_verb = noun->verbs.empty() ? std::string() : words.take();
    const Verb* verb = find_verb(*noun, typed_verb);
    if (!typed_verb.empty() && (verb == nullptr || verb->run == nullptr)) {
        return fail(Code::not_found,
                    fmt::format("'{}' is no command of {}{}", typed_verb, noun->name,
                                did_you_mean(typed_verb, command_names(noun))));
    }
    show(session,
         verb == nullptr ? usage_of_noun(session, *noun) : usage_of_verb(session, *noun, *verb));
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
    static constexpr Verb row{
        "", "[{ [OBJECT] [COMMAND] | man | completion { bash | zsh | fish } }]",
        "shows what can be done; prints the manual, or completions for a shell", help};
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
