// SPDX-License-Identifier: Apache-2.0
//
// From typed words to rows of the command table: the first that the word is a prefix of.
#include <array>

#include "apps/skep/command_table.hpp"

namespace skep::app {

namespace {

// Nouns of bpftool that are not built, with the place that they hold among the others.
struct AbsentNoun {
    std::string_view name;
    std::string_view before; // the noun that follows it
};
constexpr std::array kAbsentNouns{
    AbsentNoun{"cgroup", "perf"},     AbsentNoun{"perf", "net"},
    AbsentNoun{"feature", "btf"},     AbsentNoun{"gen", "struct_ops"},
    AbsentNoun{"struct_ops", "iter"}, AbsentNoun{"iter", "version"},
};

std::vector<std::string_view> alternatives_in(std::string_view names) {
    std::vector<std::string_view> all;
    while (!names.empty()) {
        all.push_back(names.substr(0, names.find('|')));
        names.remove_prefix(std::min(names.size(), all.back().size() + 1));
    }
    return all;
}

} // namespace

const Noun* find_noun(std::string_view typed) {
    for (const Noun* noun : nouns()) {
        for (const AbsentNoun& absent : kAbsentNouns) {
            if (absent.before == noun->name && stands_for(typed, absent.name)) {
                return nullptr;
            }
        }
        if (stands_for(typed, noun->name)) {
            return noun;
        }
    }
    return nullptr;
}

std::string_view absent_noun(std::string_view typed) {
    for (const AbsentNoun& absent : kAbsentNouns) {
        if (stands_for(typed, absent.name)) {
            return absent.name;
        }
    }
    return {};
}

const Verb* find_verb(const Noun& noun, std::string_view typed) {
    for (const Verb& verb : noun.verbs) {
        for (const std::string_view name : alternatives_in(verb.names)) {
            if (stands_for(typed, name)) {
                return &verb;
            }
        }
    }
    return nullptr;
}

std::vector<std::string> command_names(const Noun* noun) {
    std::vector<std::string> names;
    if (noun == nullptr) {
        for (const Noun* each : nouns()) {
            names.emplace_back(each->name);
        }
        return names;
    }
    for (const Verb& verb : noun->verbs) {
        for (const std::string_view name : alternatives_in(verb.names)) {
            if (verb.run != nullptr) {
                names.emplace_back(name);
            }
        }
    }
    names.emplace_back("help");
    return names;
}

} // namespace skep::app
