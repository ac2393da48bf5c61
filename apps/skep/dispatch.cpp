// SPDX-License-Identifier: Apache-2.0
//
// Dispatch. Nouns and verbs are found by prefix, the first in the table first.
#include "apps/skep/dispatch.hpp"

#include <array>
#include <cstdio>
#include <optional>

#include "apps/skep/command_table.hpp"
#include "apps/skep/help.hpp"

namespace skep::app {

namespace {

constexpr int kFailed = 255;

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

Result<void> set_engine(Options& options, std::string_view name) {
    if (name == "user" || name == "kernel") {
        options.engine = name == "user" ? client::EngineKind::user : client::EngineKind::kernel;
        return {};
    }
    return fail(Code::invalid_input,
                fmt::format("unknown engine '{}': there are user and kernel", name));
}

// Reads options out of the arguments; words are kept in order.
class OptionReader {
  public:
    OptionReader(std::vector<std::string> arguments, CommandLine& line)
        : arguments_(std::move(arguments)), line_(line) {}

    Result<void> read() {
        for (; next_ < arguments_.size(); ++next_) {
            const std::string& argument = arguments_[next_];
            if (argument == "--") {
                line_.words.insert(line_.words.end(),
                                   arguments_.begin() + static_cast<std::ptrdiff_t>(next_) + 1,
                                   arguments_.end());
                return {};
            }
            if (argument.starts_with("--")) {
                TRY(long_option(argument));
            } else if (argument.size() > 1 && argument[0] == '-' && !is_number(argument)) {
                TRY(short_options(argument));
            } else {
                line_.words.push_back(argument);
            }
        }
        return {};
    }

  private:
    static bool is_number(const std::string& text) { return text[1] >= '0' && text[1] <= '9'; }

    // A noun of skep's own reads options of its own.
    [[nodiscard]] bool noun_reads_options() const {
        if (line_.words.empty()) {
            return false;
        }
        bool past_version = false;
        for (const Noun* noun : nouns()) {
            if (stands_for(line_.words[0], noun->name)) {
                return past_version;
            }
            past_version = past_version || noun == &version_noun();
        }
        return false;
    }

    Result<void> long_option(const std::string& argument) {
        const std::size_t equals = argument.find('=');
        const std::string name =
            argument.substr(2, equals == std::string::npos ? equals : equals - 2);
        const Option* found = nullptr;
        for (const Option& option : option_rows()) {
            if (option.name == name ||
                (found == nullptr && !noun_reads_options() && stands_for(name, option.name))) {
                found = &option;
            }
        }
        if (found == nullptr) {
            return unknown(argument, fmt::format("unrecognized option '{}'", argument));
        }
        std::optional<std::string> value;
        if (equals != std::string::npos) {
            value = argument.substr(equals + 1);
        }
        return apply(*found, std::move(value), argument);
    }

    Result<void> short_options(const std::string& argument) {
        for (std::size_t at = 1; at < argument.size(); ++at) {
            const Option* found = nullptr;
            for (const Option& option : option_rows()) {
                found = option.letter == argument[at] ? &option : found;
            }
            if (found == nullptr) {
                return unknown(argument, fmt::format("invalid option -- '{}'", argument[at]));
            }
            if (!found->argument.empty() && at + 1 < argument.size()) {
                return apply(*found, argument.substr(at + 1), argument);
            }
            TRY(apply(*found, std::nullopt, argument));
        }
        return {};
    }

    Result<void> unknown(const std::string& argument, std::string message) {
        if (noun_reads_options()) {
            line_.words.push_back(argument);
            return {};
        }
        return fail(Code::invalid_input, std::move(message));
    }

    Result<void> apply(const Option& option, std::optional<std::string> value,
                       const std::string& typed) {
        if (option.argument.empty() && value.has_value()) {
            return fail(Code::invalid_input,
                        fmt::format("option '--{}' doesn't allow an argument", option.name));
        }
        if (!option.argument.empty() && !value.has_value()) {
            if (next_ + 1 >= arguments_.size()) {
                return fail(Code::invalid_input,
                            fmt::format("option '{}' requires an argument", typed));
            }
            value = arguments_[++next_];
        }
        line_.wants_help = line_.wants_help || option.letter == 'h';
        line_.wants_version = line_.wants_version || option.letter == 'V';
        if (option.name == "engine") {
            return set_engine(line_.options, *value);
        }
        if (option.set != nullptr) {
            option.set(line_.options, value.value_or(""));
        }
        return {};
    }

    std::vector<std::string> arguments_;
    CommandLine& line_;
    std::size_t next_ = 0;
};

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

bool names_verb(std::string_view typed, std::string_view names) {
    while (!names.empty()) {
        const std::string_view name = names.substr(0, names.find('|'));
        if (stands_for(typed, name)) {
            return true;
        }
        names.remove_prefix(std::min(names.size(), name.size() + 1));
    }
    return false;
}

const Verb* find_verb(const Noun& noun, std::string_view typed) {
    for (const Verb& verb : noun.verbs) {
        if (names_verb(typed, verb.names)) {
            return &verb;
        }
    }
    return nullptr;
}

int show_usage(Session& session, const std::string& text, int status) {
    if (session.json() != nullptr) {
        session.json()->null();
    } else {
        const bool was_asked_for = status == 0 && !session.is_bpftool();
        (was_asked_for ? session.out() : session.err()).write(text);
    }
    return status;
}

int status_of(const Error& error, Status rule) {
    constexpr int kInvalid = 22;
    switch (rule) {
    case Status::plain:
        break;
    case Status::one:
        return 1;
    case Status::errno_number:
        return error.os_errno == 0 ? kFailed : (256 - error.os_errno) & 0xff;
    case Status::errno_always:
        return (256 - (error.os_errno == 0 ? kInvalid : error.os_errno)) & 0xff;
    }
    return kFailed;
}

Result<void> run_row(Session& session, const Verb& verb, std::string_view typed, Words& words) {
    if (verb.run == nullptr) {
        return fail(Code::unsupported, fmt::format("'{}' is not built into this skep", verb.names));
    }
    if (words.remaining() < verb.least_words) {
        return fail(Code::invalid_input, fmt::format("'{}' needs at least {} arguments, {} found",
                                                     typed, verb.least_words, words.remaining()));
    }
    return verb.run(session, words);
}

// In JSON an error inside a list is the last of its elements; what was begun is always ended.
int run_verb(Session& session, const Verb& verb, std::string_view typed, Words words) {
    const std::size_t depth = session.json() != nullptr ? session.json()->depth() : 0;
    const Result<void> done = run_row(session, verb, typed, words);
    if (done.ok()) {
        return 0;
    }
    observe::JsonWriter* json = session.json();
    const bool is_inside = json != nullptr && json->depth() > depth;
    if (!is_already_reported(done.error())) {
        if (is_inside && !json->is_in_array()) {
            session.remark("Error: {}", done.error().message);
        } else {
            report(session, done.error());
        }
    }
    if (is_inside) {
        json->close_all(depth);
    }
    return status_of(done.error(), verb.status);
}

int run_noun(Session& session, const Noun& noun, std::vector<std::string> words) {
    const std::string typed_noun = words.front();
    words.erase(words.begin());
    if (noun.itself != nullptr) {
        return run_verb(session, *noun.itself, typed_noun, Words(std::move(words)));
    }
    if (words.empty()) {
        return noun.needs_verb ? show_usage(session, usage_of_noun(session, noun), kFailed)
                               : run_verb(session, noun.verbs.front(), typed_noun, Words());
    }
    const Verb* verb = find_verb(noun, words.front());
    if (verb == nullptr) {
        const bool asked = stands_for(words.front(), "help");
        if (!asked && session.json() == nullptr && !session.is_bpftool()) {
            session.remark("Error: '{}' is no command of {}", words.front(), noun.name);
        }
        return show_usage(session, usage_of_noun(session, noun), asked ? 0 : kFailed);
    }
    const std::string typed_verb = words.front();
    words.erase(words.begin());
    return run_verb(session, *verb, typed_verb, Words(std::move(words)));
}

} // namespace

Error already_reported(int os_errno) { return {Code::invalid_input, os_errno, ""}; }
bool is_already_reported(const Error& error) { return error.message.empty(); }

Result<CommandLine> read_command_line(std::vector<std::string> arguments,
                                      const std::string& engine_variable) {
    CommandLine line;
    if (!engine_variable.empty()) {
        TRY_WHILE("SKEP_ENGINE", set_engine(line.options, engine_variable));
    }
    TRY(OptionReader(std::move(arguments), line).read());
    return line;
}

void report(Session& session, const Error& error) {
    const std::string_view message = error.message;
    const std::string_view what = message.substr(0, message.find('\n'));
    if (session.json() != nullptr) {
        session.json()->begin_object();
        session.json()->member("error", what);
        session.json()->end_object();
    } else {
        session.remark("Error: {}", what);
    }
    // What helps stands on further lines, always for people.
    if (what.size() < message.size()) {
        session.remark("{}", message.substr(what.size() + 1));
    }
}

int run_words(Session& session, std::vector<std::string> words) {
    if (words.empty()) {
        return show_usage(session, usage_of_program(session), 0);
    }
    const Noun* noun = find_noun(words.front());
    if (noun != nullptr) {
        return run_noun(session, *noun, std::move(words));
    }
    if (const std::string_view absent = absent_noun(words.front()); !absent.empty()) {
        report(session,
               fail(Code::unsupported, fmt::format("'{}' is not built into this skep", absent)));
        return kFailed;
    }
    if (session.json() == nullptr && !session.is_bpftool()) {
        session.remark("Error: '{}' is no command", words.front());
    }
    return show_usage(session, usage_of_program(session), kFailed);
}

int run_program(std::string program, std::vector<std::string> arguments,
                const std::string& engine_variable) {
    program = program == "bpftool" ? "bpftool" : "skep";
    Result<CommandLine> line = read_command_line(std::move(arguments), engine_variable);
    if (!line.ok()) {
        Session session(program, {});
        report(session, line.error());
        session.err().write(usage_of_program(session));
        return kFailed;
    }
    Session session(program, line->options);
    std::vector<std::string> words = std::move(line->words);
    if (line->wants_version) {
        words = {"version"};
    } else if (line->wants_help && (words.empty() || session.is_bpftool())) {
        words = {"help"};
    } else if (line->wants_help) {
        words = {words.front(), "help"};
    }
    const int status = run_words(session, std::move(words));
    if (session.json() != nullptr) {
        if (session.json()->is_empty()) {
            session.json()->null();
        }
        session.json()->end_document();
    }
    return std::fflush(stdout) == 0 ? status : kFailed;
}

} // namespace skep::app
