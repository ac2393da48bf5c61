// SPDX-License-Identifier: Apache-2.0
//
// Words: what was typed after the verb, read from left to right.
//
// A keyword may be cut to any prefix of itself that is not empty: `o` is `opcodes`.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "skep/base/result.hpp"

namespace skep::app {

// Whether what was typed stands for the word.
inline bool stands_for(std::string_view typed, std::string_view word) {
    return !typed.empty() && word.starts_with(typed);
}

class Words {
  public:
    Words() = default;
    explicit Words(std::vector<std::string> words) : words_(std::move(words)) {}

    [[nodiscard]] bool at_end() const { return next_ == words_.size(); }
    [[nodiscard]] std::size_t remaining() const { return words_.size() - next_; }
    // The next word without taking it.
    [[nodiscard]] std::string_view peek() const {
        return at_end() ? "nothing" : std::string_view(words_[next_]);
    }
    // The same in quotation marks.
    [[nodiscard]] std::string shown() const {
        return at_end() ? "nothing" : fmt::format("'{}'", words_[next_]);
    }
    std::string take() { return at_end() ? std::string() : words_[next_++]; }

    // Takes the next word when it stands for the keyword.
    bool take_keyword(std::string_view keyword) {
        const bool is_next = !at_end() && stands_for(words_[next_], keyword);
        next_ += is_next ? 1 : 0;
        return is_next;
    }
    [[nodiscard]] bool next_is(std::string_view keyword) const {
        return !at_end() && stands_for(words_[next_], keyword);
    }

    // The next word, which must be there: "what" names it in the error.
    Result<std::string> value(std::string_view what) {
        if (at_end()) {
            return fail(Code::invalid_input, fmt::format("{} is missing", what));
        }
        return words_[next_++];
    }

    // The next word as a number: decimal, 0x hexadecimal or 0 octal.
    template <class Number>
    Result<Number> number(std::string_view what) {
        const std::string text = TRY(value(what));
        if (const std::optional<Number> parsed = parse_number<Number>(text)) {
            return *parsed;
        }
        return fail(Code::invalid_input, fmt::format("can't parse {} as {}", text, what));
    }

    template <class Number>
    static std::optional<Number> parse_number(std::string_view text) {
        int base = 10;
        if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
            base = 16;
            text.remove_prefix(2);
        } else if (text.size() > 1 && text[0] == '0') {
            base = 8;
            text.remove_prefix(1);
        }
        Number number = 0;
        const auto [end, error] =
            std::from_chars(text.data(), text.data() + text.size(), number, base);
        return error == std::errc() && end == text.data() + text.size() && !text.empty()
                   ? std::optional(number)
                   : std::nullopt;
    }

    // Nothing may be left.
    Result<void> expect_end() const {
        if (!at_end()) {
            return fail(Code::invalid_input,
                        fmt::format("unexpected argument '{}'", words_[next_]));
        }
        return {};
    }

  private:
    std::vector<std::string> words_;
    std::size_t next_ = 0;
};

} // namespace skep::app
