// SPDX-License-Identifier: Apache-2.0
//
// Help from the table. Usage lines are wrapped between the words of the grammar; the terms that
// they use are explained below them, and the terms that those use in turn. By bpftool's name the
// whole of it has bpftool's shape; by skep's, each command explains itself.
#include "apps/skep/help/help.hpp"

#include <algorithm>
#include <vector>

namespace skep::app {

namespace {

constexpr std::size_t kColumns = 88;

// Up to the next space that stands in no bracket; of a group that is too long for a line, up to its
// next space.
std::string_view next_piece(std::string_view text, std::size_t room) {
    std::size_t depth = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        depth += text[at] == '[' || text[at] == '{' ? 1 : 0;
        depth -= (text[at] == ']' || text[at] == '}') && depth > 0 ? 1 : 0;
        if (text[at] == ' ' && depth == 0) {
            return text.substr(0, at);
        }
        if (at >= room) {
            return text.substr(0, text.find(' '));
        }
    }
    return text;
}

// `first` and then the text, broken at spaces; further lines begin under the end of `first`, or
// where they have room.
std::string wrapped(std::string first, std::string_view text) {
    constexpr std::size_t kDeepest = 30;
    const std::string indent(std::min(first.size(), kDeepest), ' ');
    const std::size_t room = kColumns - indent.size() - 2;
    std::string lines;
    std::string line = std::move(first);
    while (!text.empty()) {
        const std::string_view word = next_piece(text, room);
        text.remove_prefix(std::min(text.size(), word.size() + 1));
        if (line.size() + word.size() + 1 > kColumns && line.size() > indent.size()) {
            lines += line + "\n";
            line = indent + "  ";
        }
        line += (line.empty() || line.back() == ' ' ? "" : " ");
        line += word;
    }
    line.erase(line.find_last_not_of(' ') + 1);
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

std::string command_start(const Session& session, const Noun& noun, const Verb& verb) {
    return fmt::format("{} {}{}", session.program(), noun.name,
                       verb.names.empty() ? "" : " " + alternatives(verb.names));
}

std::string indented(std::string_view text) {
    std::string lines;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        lines += fmt::format("       {}\n", line);
    }
    return lines;
}

std::string options_table() {
    std::string text;
    for (const Option& option : option_rows()) {
        const std::string letter =
            option.letter == 0 ? "    " : fmt::format("-{}, ", option.letter);
        const std::string name = fmt::format("{}--{}{}{}", letter, option.name,
                                             option.argument.empty() ? "" : " ", option.argument);
        text += fmt::format("       {:<30} {}\n", name, option.says);
    }
    return text;
}

std::string bpftools_usage(const Session& session) {
    std::string objects;
    std::string own;
    for (const Noun* noun : nouns()) {
        if (!noun->verbs.empty()) {
            objects += (objects.empty() ? "{ " : " | ") + std::string(noun->name);
        } else if (noun->itself != nullptr) {
            own += wrapped(fmt::format("       {} {} ", session.program(), noun->name),
                           noun->itself->arguments);
        }
    }
    return fmt::format("Usage: {} [OPTIONS] OBJECT {{ COMMAND | help }}\n{}\n", session.program(),
                       own) +
           wrapped("       OBJECT := ", objects + " }") +
           wrapped("       OPTIONS := ", options_text());
}

} // namespace

std::string usage_of_program(const Session& session) {
    if (session.is_bpftool()) {
        return bpftools_usage(session);
    }
    std::string objects;
    std::string commands;
    for (const Noun* noun : nouns()) {
        if (noun->itself != nullptr) {
            commands += fmt::format("       {:<10} {}\n", noun->name, noun->itself->says);
            continue;
        }
        std::string verbs;
        for (const Verb& verb : noun->verbs) {
            verbs += verb.run == nullptr ? "" : fmt::format(" {}", verb.names);
        }
        objects += fmt::format("       {:<10} {}\n                  {}\n", noun->name, noun->says,
                               verbs.substr(verbs.empty() ? 0 : 1));
    }
    return fmt::format("Usage: {0} [OPTIONS] COMMAND ...\n"
                       "       {0} [OPTIONS] OBJECT COMMAND ...\n"
                       "       {0} help [OBJECT] [COMMAND]\n\n"
                       "Commands:\n{1}\nObjects, and their commands:\n{2}\n"
                       "Objects, commands and their words may be cut to any prefix.\n\n"
                       "Options:\n{3}\n{4}",
                       session.program(), commands, objects, options_table(), kJourney);
}

std::string usage_of_noun(const Session& session, const Noun& noun) {
    std::string text;
    const auto line = [&](const std::string& start, std::string_view arguments) {
        text += wrapped((text.empty() ? "Usage: " : "       ") + start + " ", arguments);
    };
    for (const Verb& verb : noun.verbs) {
        if (verb.run != nullptr) {
            line(command_start(session, noun, verb), verb.arguments);
        }
    }
    if (noun.itself != nullptr) {
        return usage_of_verb(session, noun, *noun.itself);
    }
    line(fmt::format("{} {} help", session.program(), noun.name),
         session.is_bpftool() ? "" : "[COMMAND]");
    const std::string terms = terms_used(noun_grammar(noun));
    text += (terms.empty() && !session.is_bpftool() ? "" : "\n") + terms;
    if (session.is_bpftool()) {
        text += wrapped("       OPTIONS := ", options_text());
    }
    return noun.note.empty() ? text : fmt::format("{}\n{}\n", text, noun.note);
}

std::string usage_line(const Session& session, const Noun& noun, const Verb& verb) {
    const std::string line =
        wrapped("usage: " + command_start(session, noun, verb) + " ", verb.arguments);
    return line.substr(0, line.size() - 1);
}

std::string usage_of_verb(const Session& session, const Noun& noun, const Verb& verb) {
    std::string text =
        wrapped("Usage: " + command_start(session, noun, verb) + " ", verb.arguments);
    text += fmt::format("\nIt {}.\n", verb.says);
    const std::string terms = terms_used(verb.arguments);
    text += (terms.empty() ? "" : "\n") + terms;
    text += (verb.details.empty() ? "" : "\n") + indented(verb.details);
    return noun.note.empty() ? text : fmt::format("{}\n{}\n", text, noun.note);
}

} // namespace skep::app
