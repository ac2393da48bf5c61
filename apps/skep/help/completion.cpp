// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/help/completion.hpp"

#include <algorithm>

#include "apps/skep/command_table.hpp"

namespace skep::app {

namespace {

constexpr std::string_view kObjectWords = "id name pinned tag dev";

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : " ") + word;
    }
    return text;
}

std::string options() {
    std::string text;
    for (const Option& option : option_rows()) {
        text += fmt::format("{}--{}", text.empty() ? "" : " ", option.name);
    }
    return text;
}

// One line of a shell's `case` for each noun that has verbs.
std::string verb_cases() {
    std::string cases;
    for (const Noun* noun : nouns()) {
        if (!noun->verbs.empty()) {
            cases += fmt::format("        {}) words=\"{}\" ;;\n", noun->name,
                                 joined(command_names(noun)));
        }
    }
    return cases;
}

// Which noun and verb are there already, and so which words may follow: bash and zsh read it alike.
// $1...: the words before the one that is being typed.
std::string chooser() {
    return fmt::format(R"(_skep_words() {{
    local noun= verb= word words=
    for word in "$@"; do
        case $word in
        -*) ;;
        *) if [ -z "$noun" ]; then noun=$word; elif [ -z "$verb" ]; then verb=$word; fi ;;
        esac
    done
    case $noun in
        "") words="{}" ;;
{}    esac
    [ -n "$verb" ] && words="{}"
    echo "$words"
}}
)",
                       joined(command_names(nullptr)), verb_cases(), kObjectWords);
}

std::string for_bash() {
    return fmt::format(R"(# bash completion of skep, printed by `skep help completion bash`
{}_skep() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} words
    words=$(_skep_words "${{COMP_WORDS[@]:1:COMP_CWORD-1}}")
    case $current in
    -*) words="{}" ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    [ ${{#COMPREPLY[@]}} -eq 0 ] && COMPREPLY=($(compgen -f -- "$current"))
}}
complete -o filenames -F _skep skep
)",
                       chooser(), options());
}

std::string for_zsh() {
    return fmt::format(R"(#compdef skep
# zsh completion of skep, printed by `skep help completion zsh`
{}_skep() {{
    local -a candidates
    case $PREFIX in
    -*) candidates=({}) ;;
    *) candidates=(${{=$(_skep_words "${{(@)words[2,CURRENT-1]}}")}}) ;;
    esac
    compadd -a candidates
    _files
}}
if [ "$funcstack[1]" = _skep ]; then _skep "$@"; else compdef _skep skep; fi
)",
                       chooser(), options());
}

// Within single quotes of fish.
std::string fish_quoted(std::string_view text) {
    std::string quoted = "'";
    for (const char character : text) {
        quoted += character == '\'' || character == '\\' ? "\\" : "";
        quoted += character;
    }
    return quoted + "'";
}

std::string for_fish() {
    std::string text = "# fish completion of skep, printed by `skep help completion fish`\n";
    for (const Noun* noun : nouns()) {
        const std::string_view says = noun->itself != nullptr ? noun->itself->says : noun->says;
        text += fmt::format("complete -c skep -n __fish_use_subcommand -f -a {} -d {}\n",
                            noun->name, fish_quoted(says));
        const std::string verbs = joined(command_names(noun));
        for (const Verb& verb : noun->verbs) {
            std::string names(verb.names);
            std::replace(names.begin(), names.end(), '|', ' ');
            if (verb.run != nullptr) {
                text += fmt::format("complete -c skep -n '__fish_seen_subcommand_from {}; and not "
                                    "__fish_seen_subcommand_from {}' -f -a '{}' -d {}\n",
                                    noun->name, verbs, names, fish_quoted(verb.says));
            }
        }
    }
    for (const Option& option : option_rows()) {
        const std::string letter = option.letter == 0 ? "" : fmt::format(" -s {}", option.letter);
        text += fmt::format("complete -c skep -l {}{}{} -d {}\n", option.name, letter,
                            option.argument.empty() ? "" : " -r", fish_quoted(option.says));
    }
    return text;
}

} // namespace

std::optional<std::string> completion_for(std::string_view shell) {
    if (shell == "bash") {
        return for_bash();
    }
    if (shell == "zsh") {
        return for_zsh();
    }
    return shell == "fish" ? std::optional(for_fish()) : std::nullopt;
}

} // namespace skep::app
