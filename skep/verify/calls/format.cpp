// SPDX-License-Identifier: Apache-2.0
//
// The grammar (bpf-helpers(7)): %[flags - + 0 # space][width], then d i u x X, with l or ll before,
// c, s, or p with one of K x s S B, ks, us, i4, I4, i6, I6 behind, or nothing.
//
// Proved by: format_test.cpp.
#include "skep/verify/calls/format.hpp"

#include <cctype>
#include <cerrno>

namespace skep::verify {
namespace {

class Reader {
  public:
    explicit Reader(std::string_view text) : text_(text) {}

    [[nodiscard]] bool at_end() const { return text_.empty(); }
    bool take(std::string_view word) {
        const bool found = text_.substr(0, word.size()) == word;
        text_.remove_prefix(found ? word.size() : 0);
        return found;
    }
    bool take_any(std::string_view letters) {
        const bool found = !text_.empty() && letters.find(text_.front()) != std::string_view::npos;
        text_.remove_prefix(found ? 1 : 0);
        return found;
    }
    char letter() {
        const char first = text_.front();
        text_.remove_prefix(1);
        return first;
    }
    [[nodiscard]] bool ends_word() const {
        return text_.empty() || std::isspace(static_cast<unsigned char>(text_.front())) != 0 ||
               std::ispunct(static_cast<unsigned char>(text_.front())) != 0;
    }

  private:
    std::string_view text_;
};

bool is_printable(char letter) {
    const auto byte = static_cast<unsigned char>(letter);
    return byte < 0x80 && (std::isprint(byte) != 0 || std::isspace(byte) != 0);
}

bool take_address(Reader& reader) {
    for (const std::string_view word : {"ks", "us", "i4", "I4", "i6", "I6"}) {
        if (reader.take(word)) {
            return true;
        }
    }
    return reader.take_any("KxsSB") || reader.ends_word();
}

bool take_conversion(Reader& reader) {
    while (reader.take_any("-+0# ")) {
    }
    while (reader.take_any("0123456789")) {
    }
    if (reader.take("p")) {
        return take_address(reader);
    }
    if (reader.take("s") || reader.take("c")) {
        return true;
    }
    if (reader.take("l")) {
        reader.take("l");
    }
    return reader.take_any("diuxX");
}

} // namespace

std::optional<std::uint64_t> conversions_in(std::string_view text) {
    Reader reader(text);
    std::uint64_t count = 0;
    while (!reader.at_end()) {
        const char letter = reader.letter();
        if (!is_printable(letter)) {
            return std::nullopt;
        }
        if (letter != '%' || reader.take("%")) {
            continue;
        }
        if (!take_conversion(reader)) {
            return std::nullopt;
        }
        ++count;
    }
    return count;
}

Ruling<void> check_format(const CallSite& site, unsigned number, std::uint64_t arguments) {
    const Value& value = site.value(number);
    const std::vector<std::uint8_t>& bytes = site.subject.map(value.map()).constant_value;
    const auto begin =
        static_cast<std::size_t>(value.offset) + static_cast<std::size_t>(value.number.value());
    std::string text;
    for (std::size_t at = begin; at < bytes.size() && bytes[at] != 0; ++at) {
        text += static_cast<char>(bytes[at]);
    }
    const std::optional<std::uint64_t> conversions = conversions_in(text);
    if (conversions.has_value() && *conversions <= arguments) {
        return {};
    }
    return refuse(FindingCode::wrong_argument, EINVAL, "Invalid format string",
                  conversions.has_value()
                      ? "the format has more conversions than there are arguments"
                      : "the format has a conversion that programs may not use");
}

} // namespace skep::verify
