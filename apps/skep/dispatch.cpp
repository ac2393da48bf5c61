// SPDX-License-Identifier: Apache-2.0
//
// Dispatch. Nouns and verbs are found by prefix, the first in the table first.
#include "apps/skep/dispatch.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include "apps/skep/command_table.hpp"
#include "apps/skep/help/help.hpp"
#include "apps/skep/help/suggest.hpp"

namespace skep::app {

namespace {

constexpr int kFailed = 255;

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

int show_usage(Session& session, const std::string& text, int status) {
    if (session.json() != nullptr) {
        session.json()->null();
    } else {
        const bool was_asked_for = status == 0 && !session.is_bpftool();
        (was_asked_for ? session.out() : session.err()).write(text);
    }
    return status;
}

// What was typed is no command. bpftool answers with all usage; people are told what was wrong, and
// what they may have meant.
int refuse_word(Session& session, const std::string& typed, const Noun* noun) {
    if (session.is_bpftool()) {
        return show_usage(
            session, noun == nullptr ? usage_of_program(session) : usage_of_noun(session, *noun),
            kFailed);
    }
    const std::string suggestion = did_you_mean(typed, command_names(noun));
    const std::string place = noun == nullptr ? "" : fmt::format(" of {}", noun->name);
    const std::string more =
        noun == nullptr ? fmt::format("\n'{} help' lists all", session.program())
        : suggestion.empty()
            ? "\n" + usage_of_noun(session, *noun)
            : fmt::format("\n'{} {} help' lists all", session.program(), noun->name);
    report(session, fail(Code::invalid_input,
                         fmt::format("'{}' is no command{}{}{}", typed, place, suggestion, more)));
    return kFailed;
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

// A command as it was typed: where it stands in the table, and by which word.
struct Chosen {
    const Noun& noun;
    const Verb& verb;
    std::string typed;
};

Result<void> run_row(Session& session, const Chosen& chosen, Words& words) {
    const Verb& verb = chosen.verb;
    if (verb.run == nullptr) {
        return fail(Code::unsupported, fmt::format("'{}' is not built into this skep", verb.names));
    }
    if (words.remaining() < verb.least_words) {
        return fail(Code::invalid_input,
                    fmt::format("'{}' needs at least {} arguments, {} found\n{}", chosen.typed,
                                verb.least_words, words.remaining(),
                                usage_line(session, chosen.noun, verb)));
    }
    return verb.run(session, words);
}

// In JSON an error inside a list is the last of its elements; what was begun is always ended.
int run_verb(Session& session, const Chosen& chosen, std::vector<std::string> words) {
    const bool asks_for_help =
        words.size() == 1 && words.front() == "help" && &chosen.noun != &help_noun();
    if (asks_for_help && !session.is_bpftool() && chosen.verb.run != nullptr) {
        return show_usage(session, usage_of_verb(session, chosen.noun, chosen.verb), 0);
    }
    const std::size_t depth = session.json() != nullptr ? session.json()->depth() : 0;
    Words arguments(std::move(words));
    const Result<void> done = run_row(session, chosen, arguments);
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
    return status_of(done.error(), chosen.verb.status);
}

int run_noun(Session& session, const Noun& noun, std::vector<std::string> words) {
    const std::string typed_noun = words.front();
    words.erase(words.begin());
    if (noun.itself != nullptr) {
        return run_verb(session, {noun, *noun.itself, typed_noun}, std::move(words));
    }
    if (words.empty()) {
        return noun.needs_verb ? show_usage(session, usage_of_noun(session, noun), kFailed)
                               : run_verb(session, {noun, noun.verbs.front(), typed_noun}, {});
    }
    const Verb* verb = find_verb(noun, words.front());
    if (verb == nullptr) {
        return stands_for(words.front(), "help")
                   ? show_usage(session, usage_of_noun(session, noun), 0)
                   : refuse_word(session, words.front(), &noun);
    }
    const std::string typed_verb = words.front();
    words.erase(words.begin());
    return run_verb(session, {noun, *verb, typed_verb}, std::move(words));
}

// What was printed may have got nowhere: a full disk, a descriptor that is closed.
int flushed(Session& session, int status) {
    errno = 0;
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) {
        return status;
    }
    session.remark("Error: writing the output: {}",
                   errno != 0 ? std::strerror(errno) : "some of it could not be written");
    return kFailed;
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
    return refuse_word(session, words.front(), nullptr);
}

int run_program(std::string program, std::vector<std::string> arguments,
                const std::string& engine_variable) {
    program = program == "bpftool" ? "bpftool" : "skep";
    Result<CommandLine> line = read_command_line(std::move(arguments), engine_variable);
    if (!line.ok()) {
        Session session(program, {});
        report(session, line.error());
        session.err().write(session.is_bpftool() ? usage_of_program(session)
                                                 : "'skep help' lists all options\n");
        return kFailed;
    }
    Session session(program, line->options);
    std::vector<std::string> words = std::move(line->words);
    if (line->wants_version) {
        words = {"version"};
    } else if (line->wants_help && (words.empty() || session.is_bpftool())) {
        words = {"help"};
    } else if (line->wants_help) {
        words.insert(words.begin(), "help");
    }
    const int status = run_words(session, std::move(words));
    if (session.json() != nullptr) {
        if (session.json()->is_empty()) {
            session.json()->null();
        }
        session.json()->end_document();
    }
    return flushed(session, status);
}

} // namespace skep::app
