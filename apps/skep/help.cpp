// SPDX-License-Identifier: Apache-2.0
//
// Help from the table. Usage lines are wrapped between the words of the grammar; the terms that
// they use are explained below them, and the terms that those use in turn.
#include "apps/skep/help.hpp"

#include <algorithm>
#include <vector>

namespace skep::app {

namespace {

constexpr std::size_t kColumns = 88;

// `first` and then the text, broken at spaces; further lines begin under the end of `first`.
std::string wrapped(std::string first, std::string_view text) {
    const std::string indent(first.size(), ' ');
    std::string lines;
    std::string line = std::move(first);
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(text.size(), word.size() + 1));
        if (line.size() + word.size() + 1 > kColumns && line.size() > indent.size()) {
            lines += line + "\n";
            line = indent + "  ";
        }
        line += (line.empty() || line.back() == ' ' ? "" : " ");
        line += word;
    }
    return lines + line + "\n";
}

bool mentions(std::string_view grammar, std::string_view term) {
    const auto is_word = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
    };
    for (std::size_t at = grammar.find(term); at != std::string_view::npos;
         at = grammar.find(term, at + 1)) {
        const bool begins = at == 0 || !is_word(grammar[at - 1]);
        const bool ends = at + term.size() == grammar.size() || !is_word(grammar[at + term.size()]);
        if (begins && ends) {
            return true;
        }
    }
    return false;
}

std::string alternatives(std::string_view names) {
    std::string text(names);
    for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 3)) {
        text.replace(at, 1, " | ");
    }
    return names.find('|') == std::string_view::npos ? text : "{ " + text + " }";
}

std::string terms_used(std::string_view grammar) {
    std::string seen(grammar);
    std::string text;
    std::vector<bool> done(terms().size(), false);
    for (bool again = true; again;) {
        again = false;
        for (std::size_t at = 0; at < terms().size(); ++at) {
            if (!done[at] && mentions(seen, terms()[at].name)) {
                done[at] = again = true;
                seen.append(" ").append(terms()[at].means);
            }
        }
    }
    for (std::size_t at = 0; at < terms().size(); ++at) {
        if (done[at]) {
            text += wrapped(fmt::format("       {} := ", terms()[at].name), terms()[at].means);
        }
    }
    return text;
}

std::string options_text() {
    std::string text;
    for (const Option& option : option_rows()) {
        text += text.empty() ? "{ " : " | ";
        text += option.letter == 0 ? fmt::format("{{--{}", option.name)
                                   : fmt::format("{{-{}|--{}", option.letter, option.name);
        text += option.argument.empty() ? "}" : fmt::format(" {}}}", option.argument);
    }
    return text + " }";
}

// Verbs of the journey, in the order that one walks it: what `skep --help` opens with.
constexpr std::string_view kJourney = R"(The journey of a program, each step a command:
       skep build hello.bpf.c                     C to bytecode
       skep obj dump hello.bpf.o -S               what is in the object
       skep verify hello.bpf.o                    would it be accepted, and if not, why
       skep run hello.bpf.o --data-in packet      run it once, here
       skep prog load hello.bpf.o /sys/fs/bpf/hello
       skep prog list                             what is loaded; prog dump xlated|jited to look inside
       skep net attach xdp name hello dev pcap:in.pcap,out.pcap
       skep prog tracelog                         what it prints
       skep map dump name hello.bss               what it counts
       skep net detach xdp dev pcap:in.pcap,out.pcap
       rm "$(skep pin dir)/hello"                 and it is gone
)";

std::string noun_grammar(const Noun& noun) {
    std::string grammar;
    for (const Verb& verb : noun.verbs) {
        grammar.append(verb.arguments).append(" ");
    }
    return grammar.append(noun.itself != nullptr ? noun.itself->arguments : "");
}

std::string roff(std::string_view text) {
    std::string escaped;
    for (const char character : text) {
        escaped += character == '\\' ? "\\e" : character == '-' ? "\\-" : std::string(1, character);
    }
    return escaped.starts_with('.') || escaped.starts_with('\'') ? "\\&" + escaped : escaped;
}

} // namespace

std::string usage_of_program(const Session& session) {
    const std::string& program = session.program();
    std::string objects;
    std::string own;
    for (const Noun* noun : nouns()) {
        if (!noun->verbs.empty()) {
            objects += (objects.empty() ? "{ " : " | ") + std::string(noun->name);
        } else if (noun->itself != nullptr) {
            own +=
                wrapped(fmt::format("       {} {} ", program, noun->name), noun->itself->arguments);
        }
    }
    std::string text =
        fmt::format("Usage: {} [OPTIONS] OBJECT {{ COMMAND | help }}\n{}\n", program, own);
    text += wrapped("       OBJECT := ", objects + " }") +
            wrapped("       OPTIONS := ", options_text());
    return session.is_bpftool() ? text : fmt::format("{}\n{}", text, kJourney);
}

std::string usage_of_noun(const Session& session, const Noun& noun) {
    std::string text;
    const auto line = [&](std::string_view names, std::string_view arguments) {
        const std::string start =
            fmt::format("{} {} {}{}", text.empty() ? "Usage:" : "      ", session.program(),
                        noun.name, names.empty() ? "" : " " + alternatives(names));
        text += wrapped(start + " ", arguments);
    };
    for (const Verb& verb : noun.verbs) {
        if (verb.run == nullptr) {
            continue;
        }
        line(verb.names, verb.arguments);
    }
    line(noun.verbs.empty() ? "" : "help", noun.verbs.empty() ? noun.itself->arguments : "");
    text += "\n" + terms_used(noun_grammar(noun)) + wrapped("       OPTIONS := ", options_text());
    return noun.note.empty() ? text : fmt::format("{}\n{}\n", text, noun.note);
}

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

std::string bash_completion() {
    std::string names;
    std::string cases;
    for (const Noun* noun : nouns()) {
        names += std::string(noun->name) + " ";
        std::string verbs;
        for (const Verb& verb : noun->verbs) {
            verbs += verb.run == nullptr ? "" : std::string(verb.names) + " ";
        }
        std::replace(verbs.begin(), verbs.end(), '|', ' ');
        if (!verbs.empty()) {
            cases += fmt::format("        {}) words=\"{}help\" ;;\n", noun->name, verbs);
        }
    }
    std::string options;
    for (const Option& option : option_rows()) {
        options += fmt::format("--{} ", option.name);
    }
    return fmt::format(R"(# bash completion of skep, printed by `skep help completion bash`
_skep() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} noun= verb= word words=
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case $word in
        -*) ;;
        *) if [ -z "$noun" ]; then noun=$word; elif [ -z "$verb" ]; then verb=$word; fi ;;
        esac
    done
    case $noun in
        "") words="{}" ;;
{}    esac
    [ -n "$verb" ] && words="id name pinned tag dev"
    case $current in
    -*) words="{}" ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    [ ${{#COMPREPLY[@]}} -eq 0 ] && COMPREPLY=($(compgen -f -- "$current"))
}}
complete -F _skep skep
)",
                       names, cases, options);
}

} // namespace skep::app
