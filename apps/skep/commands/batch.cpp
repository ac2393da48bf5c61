// SPDX-License-Identifier: Apache-2.0
//
// skep batch file FILE: commands from a file, one a line, until one fails.
//
// A line may be quoted as in a shell ('...' and "..."), ends at a #, and may be empty; one that
// ends with a backslash goes on in the next. A batch may run another; the depth is bounded so that
// one that runs itself ends.
#include <sstream>

#include "apps/skep/command_table.hpp"
#include "apps/skep/dispatch.hpp"
#include "skep/os/files.hpp"

namespace skep::app {

namespace {

constexpr int kMaxDepth = 16;
constexpr std::size_t kMaxScriptBytes = 16U << 20;

// What stands before a # that begins a word outside of quotes.
std::string_view before_comment(std::string_view line) {
    char quote = 0;
    for (std::size_t at = 0; at < line.size(); ++at) {
        const bool begins = at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t';
        if (quote != 0) {
            quote = line[at] == quote ? '\0' : quote;
        } else if (line[at] == '\'' || line[at] == '"') {
            quote = line[at];
        } else if (line[at] == '#' && begins) {
            return line.substr(0, at);
        }
    }
    return line;
}

// Lines of a script, those that go on in the next put together.
class Lines {
  public:
    explicit Lines(const std::string& script) : text_(script) {}

    // Nothing at the end.
    Result<std::optional<std::string>> next() {
        std::string whole;
        for (bool goes_on = true; goes_on;) {
            std::string line;
            if (!std::getline(text_, line)) {
                return whole.empty() ? Result<std::optional<std::string>>(std::nullopt)
                                     : fail(Code::invalid_input,
                                            "the file ends where a line should go on: " + whole);
            }
            ++number_;
            if (line.ends_with('\r')) {
                line.pop_back();
            }
            whole += before_comment(line);
            goes_on = whole.ends_with('\\');
            if (goes_on) {
                whole.pop_back();
            }
        }
        return std::optional(whole);
    }
    [[nodiscard]] std::size_t number() const { return number_; } // of the last one read

  private:
    std::istringstream text_;
    std::size_t number_ = 0;
};

Result<std::vector<std::string>> split(std::string_view line) {
    std::vector<std::string> words;
    std::optional<std::string> word;
    char quote = 0;
    for (const char character : line) {
        if (quote != 0) {
            if (character == quote) {
                quote = 0;
            } else {
                word->push_back(character);
            }
        } else if (character == '\'' || character == '"') {
            quote = character;
            word = word.value_or("");
        } else if (character == ' ' || character == '\t' || character == '\r') {
            if (word.has_value()) {
                words.push_back(*std::exchange(word, std::nullopt));
            }
        } else {
            word = word.value_or("") + character;
        }
    }
    if (quote != 0) {
        return fail(Code::invalid_input, fmt::format("a {} is not closed in: {}", quote, line));
    }
    if (word.has_value()) {
        words.push_back(*word);
    }
    return words;
}

Result<std::string> script(const std::string& file) {
    Result<ByteVector> bytes = os::read_file(file, kMaxScriptBytes);
    if (!bytes.ok() && bytes.error().code == Code::too_big) {
        return bytes.error();
    }
    if (!bytes.ok()) {
        const Error system = error_from_errno(errno_of(bytes.error()), "");
        return fail(Code::not_found, fmt::format("Can't open file ({}){}", file, system.message));
    }
    return std::string(bytes->begin(), bytes->end());
}

// Runs one line inside the array of outputs; false when it failed.
bool run_line(Session& session, const std::vector<std::string>& words) {
    observe::JsonWriter* json = session.json();
    if (json == nullptr) {
        return run_words(session, words) == 0;
    }
    json->begin_object();
    json->begin_array("command");
    for (const std::string& word : words) {
        json->value(std::string_view(word));
    }
    json->end_array();
    json->name("output");
    const std::size_t depth = json->depth();
    const int status = run_words(session, words);
    json->close_all(depth); // gives null when the command showed nothing
    json->end_object();
    return status == 0;
}

Result<void> batch(Session& session, Words& words) {
    if (!words.take_keyword("file")) {
        return fail(Code::invalid_input,
                    words.remaining() < 2 ? "too few parameters for batch"
                                          : fmt::format("expected 'file', got: {}", words.peek()));
    }
    const std::string file = TRY(words.value("the file"));
    TRY(words.expect_end());
    if (session.batch_depth == kMaxDepth) {
        return fail(Code::invalid_input,
                    fmt::format("batch files run each other more than {} deep", kMaxDepth));
    }
    Lines lines(TRY(script(file)));
    observe::JsonWriter* json = session.json();
    if (json != nullptr) {
        json->begin_array();
    }
    ++session.batch_depth;
    std::size_t count = 0;
    bool all_ran = true;
    while (all_ran) {
        const std::optional<std::string> line = TRY_WHILE(file, lines.next());
        if (!line.has_value()) {
            break;
        }
        const std::string place = fmt::format("{}:{}", file, lines.number());
        const std::vector<std::string> line_words = TRY_WHILE(place, split(*line));
        if (!line_words.empty()) {
            all_ran = run_line(session, line_words);
            count += all_ran ? 1 : 0;
            if (!all_ran) {
                session.remark("{}: it ends here: {}", place, *line);
            }
        }
    }
    --session.batch_depth;
    if (json != nullptr) {
        json->end_array();
    } else if (all_ran) {
        session.print("processed {} commands\n", count);
    }
    return all_ran ? Result<void>() : Result<void>(already_reported());
}

} // namespace

const Noun& batch_noun() {
    static constexpr Verb row{"", "file { FILE | - }",
                              "runs the commands in a file, one a line, until one fails", batch};
    static constexpr Noun noun{
        .name = "batch", .says = "Many commands at once.", .verbs = {}, .itself = &row};
    return noun;
}

} // namespace skep::app
