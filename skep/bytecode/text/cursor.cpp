// SPDX-License-Identifier: Apache-2.0
#include "skep/bytecode/text/cursor.hpp"

#include <charconv>
#include <limits>

#include <fmt/format.h>

namespace skep::text {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

} // namespace

bool is_identifier_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
}
bool is_identifier_part(char c) { return is_identifier_start(c) || is_digit(c) || c == '$'; }

void Cursor::skip_spaces() {
    while (position_ < line_.size() && is_space(line_[position_])) {
        ++position_;
    }
}

bool Cursor::at_end() {
    skip_spaces();
    return position_ == line_.size();
}

bool Cursor::accept(std::string_view characters) {
    skip_spaces();
    if (!rest().starts_with(characters)) {
        return false;
    }
    position_ += characters.size();
    return true;
}

bool Cursor::accept_word(std::string_view word) {
    skip_spaces();
    const std::string_view ahead = rest();
    if (!ahead.starts_with(word) ||
        (ahead.size() > word.size() && is_identifier_part(ahead[word.size()]))) {
        return false;
    }
    position_ += word.size();
    return true;
}

std::string_view Cursor::accept_identifier() {
    skip_spaces();
    const std::string_view ahead = rest();
    if (ahead.empty() || !is_identifier_start(ahead[0])) {
        return {};
    }
    std::size_t size = 1;
    while (size < ahead.size() && is_identifier_part(ahead[size])) {
        ++size;
    }
    position_ += size;
    return ahead.substr(0, size);
}

std::optional<Register> Cursor::accept_register() {
    skip_spaces();
    const std::size_t begin = position_;
    accept("%");
    const std::string_view ahead = rest();
    const bool named =
        ahead.size() >= 2 && (ahead[0] == 'r' || ahead[0] == 'w') && is_digit(ahead[1]);
    const std::size_t digits = named && ahead.size() >= 3 && is_digit(ahead[2]) ? 2 : 1;
    const bool ends =
        named && (ahead.size() == 1 + digits || !is_identifier_part(ahead[1 + digits]));
    unsigned number = 0;
    if (ends) {
        std::from_chars(ahead.data() + 1, ahead.data() + 1 + digits, number);
    }
    if (!ends || number > kFramePointer) {
        position_ = begin;
        return std::nullopt;
    }
    position_ += 1 + digits;
    return Register{static_cast<Reg>(number), ahead[0] == 'r' ? Width::w64 : Width::w32};
}

std::optional<Number> Cursor::accept_number() {
    skip_spaces();
    const std::size_t begin = position_;
    Number number;
    number.negative = accept("-");
    number.has_sign = number.negative || accept("+");
    skip_spaces();
    std::string_view ahead = rest();
    int base = 10;
    if (ahead.starts_with("0x") || ahead.starts_with("0X")) {
        base = 16;
        ahead.remove_prefix(2);
    }
    const auto [end, problem] =
        std::from_chars(ahead.data(), ahead.data() + ahead.size(), number.magnitude, base);
    if (problem != std::errc{}) {
        position_ = begin;
        return std::nullopt;
    }
    position_ = static_cast<std::size_t>(end - line_.data());
    return number;
}

Result<void> Cursor::expect(std::string_view characters) {
    return accept(characters) ? Result<void>() : error(fmt::format("'{}' is missing", characters));
}

Result<Reg> Cursor::expect_register() {
    const std::optional<Register> reg = accept_register();
    if (!reg.has_value()) {
        return error("a register, r0 to r10, is missing");
    }
    return reg->number;
}

Result<Number> Cursor::expect_number() {
    const std::optional<Number> number = accept_number();
    if (!number.has_value()) {
        return error("a number of at most 64 bits is missing");
    }
    return *number;
}

Result<std::int32_t> Cursor::expect_imm32() {
    skip_spaces();
    const std::size_t begin = position_;
    const Number number = TRY(expect_number());
    if (!number.fits(std::numeric_limits<std::int32_t>::min(),
                     std::numeric_limits<std::uint32_t>::max())) {
        return error_at(begin, "the number does not fit into 32 bits");
    }
    return static_cast<std::int32_t>(number.bits());
}

Result<std::int16_t> Cursor::read_displacement() {
    skip_spaces();
    const std::size_t begin = position_;
    if (!rest().starts_with("+") && !rest().starts_with("-")) {
        return std::int16_t{0};
    }
    const Number number = TRY(expect_number());
    if (!number.fits(std::numeric_limits<std::int16_t>::min(),
                     std::numeric_limits<std::int16_t>::max())) {
        return error_at(begin, "the displacement does not fit into 16 bits");
    }
    return static_cast<std::int16_t>(number.value());
}

Error Cursor::error_at(std::size_t position, std::string_view what) const {
    return fail(Code::invalid_input,
                fmt::format("line {}, column {}: {}", line_number_, position + 1, what));
}

} // namespace skep::text
