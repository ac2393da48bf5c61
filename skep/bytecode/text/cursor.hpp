// SPDX-License-Identifier: Apache-2.0
//
// A place in one line of assembly, and the small words that every statement is made of.
//
// `accept...` functions move past what they look for and say whether it was there; the others
// answer with an error that names line and column when it is not. Spaces before a word are skipped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "skep/bytecode/insn.hpp"

namespace skep::text {

// A number as written: its sign and its magnitude, so that each field can check its own range.
struct Number {
    bool negative = false;
    bool has_sign = false; // "+5" and "-5", not "5"
    std::uint64_t magnitude = 0;

    [[nodiscard]] std::uint64_t bits() const { return negative ? 0 - magnitude : magnitude; }
    [[nodiscard]] std::int64_t value() const { return static_cast<std::int64_t>(bits()); }
    [[nodiscard]] bool fits(std::int64_t least, std::uint64_t greatest) const {
        return negative ? magnitude <= 0 - static_cast<std::uint64_t>(least)
                        : magnitude <= greatest;
    }
};

struct Register {
    Reg number = 0;
    Width width = Width::w64;
};

class Cursor {
  public:
    Cursor(std::string_view line, std::uint32_t line_number)
        : line_(line), line_number_(line_number) {}

    [[nodiscard]] bool at_end();
    [[nodiscard]] std::size_t position() const { return position_; }
    void move_to(std::size_t position) { position_ = position; }
    [[nodiscard]] std::uint32_t line_number() const { return line_number_; }
    [[nodiscard]] std::string_view rest() const { return line_.substr(position_); }

    bool accept(std::string_view characters); // operators and punctuation
    bool accept_word(std::string_view word);  // not when more letters follow
    std::string_view accept_identifier();     // empty when there is none
    std::optional<Register> accept_register();
    std::optional<Number> accept_number();

    Result<void> expect(std::string_view characters);
    Result<Reg> expect_register();
    Result<Number> expect_number();
    // A number for a field of 32 bits, signed or unsigned.
    Result<std::int32_t> expect_imm32();
    // A displacement with its sign, "+8" or "- 8", or nothing for zero.
    Result<std::int16_t> read_displacement();

    [[nodiscard]] Error error(std::string_view what) const { return error_at(position_, what); }
    [[nodiscard]] Error error_at(std::size_t position, std::string_view what) const;

  private:
    void skip_spaces();

    std::string_view line_;
    std::size_t position_ = 0;
    std::uint32_t line_number_;
};

bool is_identifier_start(char c);
bool is_identifier_part(char c);

} // namespace skep::text
