// SPDX-License-Identifier: Apache-2.0
#include "skep/helpers/text/format.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "skep/helpers/own_memory.hpp"
#include "skep/os/sharing/owner_lock.hpp"

namespace skep::helpers {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr bool is_printable(char c) { return c >= ' ' && c <= '~'; }
constexpr bool is_letter_or_digit(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_mark(char c) { return is_printable(c) && c != ' ' && !is_letter_or_digit(c); }

// A bounded place to print to, which counts on when it is full.
class Output {
  public:
    explicit Output(std::span<char> room) : room_(room) {}

    void put(char c) {
        if (length_ + 1 < room_.size()) {
            room_[length_] = c;
        }
        ++length_;
    }
    void put(char c, std::size_t times) {
        for (; times > 0; --times) {
            put(c);
        }
    }
    void put(std::string_view text) {
        for (const char c : text) {
            put(c);
        }
    }
    std::int64_t finish() {
        if (!room_.empty()) {
            room_[std::min(length_, room_.size() - 1)] = '\0';
        }
        return static_cast<std::int64_t>(length_);
    }

  private:
    std::span<char> room_;
    std::size_t length_ = 0;
};

enum class Kind : std::uint8_t { percent, number, character, text, address, internet };

struct Conversion {
    Kind kind = Kind::number;
    bool left = false, zeroes = false, plus = false, space = false;
    std::uint32_t width = 0;
    bool is_signed = false, upper_case = false, wide = false;
    std::uint32_t base = 10;
    char address_form = 'p';      // p, x, s (symbol), for internet: i or I
    bool six = false;             // internet: version 6
    std::size_t length_bytes = 0; // of the conversion in the format
};

// One pass of the same grammar reads and, later, prints; it stands here once.
class Parser {
  public:
    explicit Parser(std::string_view text) : text_(text) {}

    // The conversion that begins after the '%' at `at`.
    [[nodiscard]] std::optional<Conversion> parse(std::size_t at) const {
        Conversion result;
        std::size_t i = at + 1;
        if (peek(i) == '%') {
            result.kind = Kind::percent;
            result.length_bytes = 2;
            return result;
        }
        i = read_flags(i, result);
        i = read_width(i, result);
        const bool good = peek(i) == 'p'   ? read_address(i, result)
                          : peek(i) == 's' ? read_simple(i, Kind::text, result)
                          : peek(i) == 'c' ? read_simple(i, Kind::character, result)
                                           : read_number(i, result);
        result.length_bytes = i - at;
        return good ? std::optional<Conversion>(result) : std::nullopt;
    }

  private:
    [[nodiscard]] char peek(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }

    std::size_t read_flags(std::size_t i, Conversion& result) const {
        for (;; ++i) {
            const char c = peek(i);
            result.zeroes |= c == '0';
            result.plus |= c == '+';
            result.left |= c == '-';
            result.space |= c == ' ';
            if (c != '0' && c != '+' && c != '-' && c != ' ') {
                return i;
            }
        }
    }

    std::size_t read_width(std::size_t i, Conversion& result) const {
        constexpr std::uint32_t kWidthMost = 1U << 15;
        for (; is_digit(peek(i)); ++i) {
            result.width =
                std::min(result.width * 10 + static_cast<std::uint32_t>(peek(i) - '0'), kWidthMost);
        }
        return i;
    }

    static bool read_simple(std::size_t& i, Kind kind, Conversion& result) {
        result.kind = kind;
        ++i;
        return true;
    }

    bool read_address(std::size_t& i, Conversion& result) const {
        const char form = peek(i + 1);
        if (form == '\0' || is_space(form) || is_mark(form)) {
            result.kind = Kind::address;
            ++i;
            return true;
        }
        if (std::strchr("KxsSB", form) != nullptr) {
            result.kind = Kind::address;
            result.address_form = form;
            i += 2;
            return true;
        }
        const char version = peek(i + 2);
        if ((form == 'i' || form == 'I') && (version == '4' || version == '6')) {
            result.kind = Kind::internet;
            result.address_form = form;
            result.six = version == '6';
            for (i += 3; is_letter_or_digit(peek(i)); ++i) {
                // further letters would choose forms that are not offered; they print as nothing
            }
            return true;
        }
        return false;
    }

    bool read_number(std::size_t& i, Conversion& result) const {
        while (peek(i) == 'l' && i < text_.size()) {
            if (result.wide && peek(i - 1) == 'l' && i >= 2 && peek(i - 2) == 'l') {
                return false;
            }
            result.wide = true;
            ++i;
        }
        const char form = peek(i++);
        result.kind = Kind::number;
        result.is_signed = form == 'd' || form == 'i';
        result.upper_case = form == 'X';
        result.base = form == 'x' || form == 'X' ? 16 : 10;
        return form != '\0' && std::strchr("diuxX", form) != nullptr;
    }

    std::string_view text_;
};

struct Digits {
    std::array<char, 24> room;
    std::size_t first = 24;
    [[nodiscard]] std::string_view text() const {
        return {room.data() + first, room.size() - first};
    }
};

Digits digits_of(std::uint64_t number, std::uint32_t base, bool upper_case) {
    const char* symbols = upper_case ? "0123456789ABCDEF" : "0123456789abcdef";
    Digits digits;
    do {
        digits.room[--digits.first] = symbols[number % base];
        number /= base;
    } while (number != 0);
    return digits;
}

void put_padded(Output& out, const Conversion& how, std::string_view sign, std::string_view body) {
    const std::size_t size = sign.size() + body.size();
    const std::size_t padding = how.width > size ? how.width - size : 0;
    const bool zeroes = how.zeroes && !how.left && how.kind == Kind::number;
    out.put(' ', how.left || zeroes ? 0 : padding);
    out.put(sign);
    out.put('0', zeroes ? padding : 0);
    out.put(body);
    out.put(' ', how.left ? padding : 0);
}

void put_number(Output& out, const Conversion& how, std::uint64_t number) {
    std::string_view sign;
    if (!how.wide) {
        number = how.is_signed
                     ? static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(number)})
                     : static_cast<std::uint32_t>(number);
    }
    if (how.is_signed) {
        const bool negative = static_cast<std::int64_t>(number) < 0;
        sign = negative ? "-" : how.plus ? "+" : how.space ? " " : "";
        number = negative ? 0 - number : number;
    }
    put_padded(out, how, sign, digits_of(number, how.base, how.upper_case).text());
}

// The same address gives the same hash while this process lives, and tells nothing about itself.
std::uint64_t hashed(std::uint64_t address) {
    static const std::uint64_t secret = os::random_number() | 1;
    std::uint64_t state = (address ^ secret) * 0x9e3779b97f4a7c15;
    state ^= state >> 29;
    state *= secret;
    return (state ^ (state >> 32)) & 0xffffffff;
}

void put_address(Output& out, const Conversion& how, std::uint64_t address) {
    constexpr std::size_t kAddressDigits = 16;
    const bool raw = how.address_form == 'x';
    const bool symbol =
        how.address_form == 's' || how.address_form == 'S' || how.address_form == 'B';
    const Digits digits = digits_of(raw ? address : hashed(address), 16, false);
    if (raw) {
        put_padded(out, how, {}, digits.text());
        return;
    }
    std::array<char, kAddressDigits + 2> room{};
    room.fill('0');
    room[1] = symbol ? 'x' : '0';
    std::memcpy(room.data() + room.size() - digits.text().size(), digits.text().data(),
                digits.text().size());
    const std::string_view all(room.data(), room.size());
    put_padded(out, how, {}, symbol ? all : all.substr(2));
}

void put_own_text(Output& out, const Conversion& how, const Invocation& invocation,
                  std::uint64_t address) {
    constexpr std::uint32_t kTextMost = 512;
    std::array<char, kTextMost> text{};
    const std::int64_t copied = copy_own_text(invocation, text.data(), kTextMost, address);
    const auto length = static_cast<std::size_t>(copied > 0 ? copied - 1 : 0);
    put_padded(out, how, {}, std::string_view(text.data(), length));
}

std::size_t write_version_4(char* to, const std::uint8_t* address, bool leading_zeroes) {
    std::size_t size = 0;
    for (int part = 0; part < 4; ++part) {
        const Digits digits = digits_of(address[part], 10, false);
        for (std::size_t i = digits.text().size(); leading_zeroes && i < 3; ++i) {
            to[size++] = '0';
        }
        std::memcpy(to + size, digits.text().data(), digits.text().size());
        size += digits.text().size();
        if (part < 3) {
            to[size++] = '.';
        }
    }
    return size;
}

std::size_t write_version_6(char* to, const std::uint8_t* address, bool colons) {
    constexpr std::string_view kSymbols = "0123456789abcdef";
    std::size_t size = 0;
    for (int part = 0; part < 16; ++part) {
        if (colons && part > 0 && part % 2 == 0) {
            to[size++] = ':';
        }
        to[size++] = kSymbols[address[part] >> 4];
        to[size++] = kSymbols[address[part] & 15];
    }
    return size;
}

void put_internet(Output& out, const Conversion& how, const Invocation& invocation,
                  std::uint64_t address) {
    std::array<std::uint8_t, 16> bytes{};
    const std::size_t size = how.six ? 16 : 4;
    if (may_read(invocation, address, size)) {
        std::memcpy(bytes.data(), reinterpret_cast<const void*>(address), size); // NOLINT: proved
    }
    std::array<char, 48> text{};
    const bool capital = how.address_form == 'I';
    const std::size_t length = how.six ? write_version_6(text.data(), bytes.data(), capital)
                                       : write_version_4(text.data(), bytes.data(), !capital);
    put_padded(out, how, {}, std::string_view(text.data(), length));
}

void put(Output& out, const Conversion& how, const Invocation& invocation, std::uint64_t argument) {
    switch (how.kind) {
    case Kind::percent:
        out.put('%');
        break;
    case Kind::number:
        put_number(out, how, argument);
        break;
    case Kind::character: {
        const char c = static_cast<char>(argument);
        put_padded(out, how, {}, std::string_view(&c, 1));
        break;
    }
    case Kind::text:
        put_own_text(out, how, invocation, argument);
        break;
    case Kind::address:
        put_address(out, how, argument);
        break;
    case Kind::internet:
        put_internet(out, how, invocation, argument);
        break;
    }
}

bool is_valid(std::string_view text, std::size_t argument_count) {
    const Parser parser(text);
    std::size_t used = 0;
    for (std::size_t i = 0; i < text.size();) {
        const bool beyond_ascii = (text[i] & 0x80) != 0;
        if (!is_printable(text[i]) && !is_space(text[i]) && !beyond_ascii) {
            return false;
        }
        if (text[i] != '%') {
            ++i;
            continue;
        }
        const std::optional<Conversion> how = parser.parse(i);
        if (!how) {
            return false;
        }
        used += how->kind == Kind::percent ? 0 : 1;
        i += how->length_bytes;
    }
    return used <= argument_count;
}

} // namespace

std::int64_t format(const Invocation& invocation, std::string_view text,
                    std::span<const std::uint64_t> arguments, std::span<char> out) {
    if (!is_valid(text, arguments.size())) {
        return -EINVAL;
    }
    Output output(out);
    const Parser parser(text);
    std::size_t used = 0;
    for (std::size_t i = 0; i < text.size();) {
        if (text[i] != '%') {
            output.put(text[i++]);
            continue;
        }
        const Conversion how = *parser.parse(i);
        put(output, how, invocation, how.kind == Kind::percent ? 0 : arguments[used++]);
        i += how.length_bytes;
    }
    return output.finish();
}

} // namespace skep::helpers
