// SPDX-License-Identifier: Apache-2.0
//
// The command table: every noun and verb of the command line, once.
//
// Dispatch, help, man pages and shell completion are made from it. A word may be cut to any prefix,
// and the first row that it fits wins; so rows stand in bpftool's order, and skep's own nouns come
// after those of bpftool.
//
// To add a command: a row in its noun's list in commands/<noun>.cpp; to add a noun: that file, its
// declaration below and its place in command_table.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/skep/session.hpp"
#include "apps/skep/words.hpp"

namespace skep::app {

// What the exit status of a failed command is: 255, or the errno counted back from 256 where the
// tool that people know does so and scripts have come to rely on it.
enum class Status : std::uint8_t {
    plain,
    errno_number, // when the engine refused
    errno_always, // and for words that cannot be understood: EINVAL
    one,
};

// The error of a command that has shown what went wrong itself: nothing more is shown.
Error already_reported(int os_errno = 0);
bool is_already_reported(const Error& error);

using CommandFunction = Result<void> (*)(Session& session, Words& words);

struct Verb {
    std::string_view names;        // "show|list": alternatives
    std::string_view arguments;    // grammar, as help shows it; upper-case words are Terms
    std::string_view says;         // one sentence
    CommandFunction run = nullptr; // null: not built; the row keeps the place of its prefixes
    std::size_t least_words = 0;   // that must follow the verb
    Status status = Status::plain;
    std::string_view details = {}; // what its options mean, a line each
};

struct Noun {
    std::string_view name;
    std::string_view says;
    std::span<const Verb> verbs;  // the first is what the noun alone means, when it takes no words
    const Verb* itself = nullptr; // a noun without verbs (`run FILE`): verbs is empty then
    bool needs_verb = false;      // the noun alone is an error
    std::string_view note = {};   // shown at the end of its help
};

// A word of the grammar: what MAP or PROG stands for.
struct Term {
    std::string_view name;
    std::string_view means;
};

// An option, before or after the noun.
struct Option {
    char letter; // 0: none
    std::string_view name;
    std::string_view argument; // empty: none
    std::string_view says;
    void (*set)(Options& options, std::string_view value);
};

std::span<const Noun* const> nouns();
std::span<const Term> terms();
std::span<const Option> option_rows();

// Rows by what was typed; null or empty when there is none.
const Noun* find_noun(std::string_view typed);
const Verb* find_verb(const Noun& noun, std::string_view typed);
std::string_view absent_noun(std::string_view typed); // of bpftool's, not built
// All names of a noun's commands that run; of all nouns when it is null.
std::vector<std::string> command_names(const Noun* noun);

// One per file in commands/.
const Noun& help_noun();
const Noun& version_noun();
const Noun& batch_noun();
const Noun& prog_noun();
const Noun& map_noun();
const Noun& link_noun();
const Noun& net_noun();
const Noun& btf_noun();
const Noun& obj_noun();
const Noun& build_noun();
const Noun& verify_noun();
const Noun& explain_noun();
const Noun& run_noun();
const Noun& compile_noun();
const Noun& pin_noun();
const Noun& daemon_noun();
const Noun& journey_noun();

} // namespace skep::app
