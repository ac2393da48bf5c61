// SPDX-License-Identifier: Apache-2.0
//
// The man page from the table.
#include "apps/skep/help/help.hpp"

namespace skep::app {

namespace {

std::string alternatives(std::string_view names) {
    std::string text(names);
    for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 3)) {
        text.replace(at, 1, " | ");
    }
    return names.find('|') == std::string_view::npos ? text : "{ " + text + " }";
}

std::string roff(std::string_view text) {
    std::string escaped;
    for (const char character : text) {
        escaped += character == '\\' ? "\\e" : character == '-' ? "\\-" : std::string(1, character);
    }
    return escaped.starts_with('.') || escaped.starts_with('\'') ? "\\&" + escaped : escaped;
}

std::string roff_lines(std::string_view text) {
    std::string lines;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        lines += (lines.empty() ? "" : "\n") + roff(line);
    }
    return lines;
}

} // namespace

std::string man_page() {
    std::string page =
        ".TH SKEP 1\n.SH NAME\nskep \\- build, verify, run and observe eBPF programs without root\n"
        ".SH SYNOPSIS\n.B skep\n[OPTIONS] OBJECT { COMMAND | help }\n.SH DESCRIPTION\n"
        "The objects and commands are those of bpftool, and some more. Words may be cut to any\n"
        "prefix; the first that fits in the order of this page is meant.\n.SH COMMANDS\n";
    for (const Noun* noun : nouns()) {
        page += fmt::format(".SS {}\n{}\n", noun->name, roff(noun->says));
        const auto entry = [&](const Verb& verb, std::string_view names) {
            page += fmt::format(".TP\n.B skep {}{} {}\n{}.\n", noun->name,
                                names.empty() ? "" : " " + alternatives(names),
                                roff(verb.arguments), roff(verb.says));
            if (!verb.details.empty()) {
                page += fmt::format(".nf\n{}\n.fi\n", roff_lines(verb.details));
            }
        };
        for (const Verb& verb : noun->verbs) {
            if (verb.run == nullptr) {
                continue;
            }
            entry(verb, verb.names);
        }
        if (noun->itself != nullptr) {
            entry(*noun->itself, "");
        }
    }
    page += ".SH TERMS\n";
    for (const Term& term : terms()) {
        page += fmt::format(".TP\n.I {}\n{}\n", term.name, roff(term.means));
    }
    page += ".SH OPTIONS\n";
    for (const Option& option : option_rows()) {
        const std::string letter = option.letter == 0 ? "" : fmt::format("\\-{}, ", option.letter);
        page += fmt::format(".TP\n.B {}\\-\\-{} {}\n{}\n", letter, roff(option.name),
                            option.argument, roff(option.says));
    }
    return page + ".SH ENVIRONMENT\n.TP\n.B SKEP_ENGINE\nuser or kernel\n.TP\n.B SKEP_BPFFS\nthe "
                  "directory of the "
                  "user engine's pins\n.SH SEE ALSO\nbpftool(8), bpf(2)\n";
}

} // namespace skep::app
