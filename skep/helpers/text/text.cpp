// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Reading numbers from text, comparing, printing into memory.
//
// Proved by: text_test.cpp (recorded answers, and the running kernel's).
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "skep/helpers/adapter.hpp"
#include "skep/helpers/text/format.hpp"

namespace skep::helpers {
namespace {

using spec::Helper;

struct Number {
    std::int64_t result = 0; // bytes read, or a negative errno
    std::uint64_t magnitude = 0;
    bool negative = false;
};

int digit_value(char c) {
    const char lower = static_cast<char>(c | 0x20);
    return c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 16;
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\xa0'; }

// The base that a 0 or 0x in front means, and how much it takes. Base 16 takes a 0x whatever
// follows; without a base, a digit must follow it.
std::uint32_t fix_base(std::string_view text, std::uint32_t base, std::size_t& at) {
    const bool zero = text.size() > at && text[at] == '0';
    const bool prefix = zero && text.size() > at + 1 && (text[at + 1] | 0x20) == 'x';
    const bool digit_follows = text.size() > at + 2 && digit_value(text[at + 2]) < 16;
    if (base == 0) {
        base = prefix && digit_follows ? 16 : zero ? 8 : 10;
    }
    if (base == 16 && prefix) {
        at += 2;
    }
    return base;
}

Number read_number(std::string_view text, std::uint64_t flags) {
    constexpr std::uint64_t kBaseMask = 0x1f;
    constexpr std::size_t kLongestNumber = 63; // further bytes are not looked at
    const auto base = static_cast<std::uint32_t>(flags & kBaseMask);
    const bool good_base = base == 0 || base == 8 || base == 10 || base == 16;
    if (text.empty() || (flags & ~kBaseMask) != 0 || !good_base) {
        return {.result = -EINVAL};
    }
    Number number;
    std::size_t at = 0;
    while (at < text.size() && is_space(text[at])) {
        ++at;
    }
    number.negative = at < text.size() && text[at] == '-';
    at += number.negative ? 1 : 0;
    text = text.substr(0, at + kLongestNumber);
    const std::uint32_t radix = fix_base(text, base, at);
    const std::size_t first = at;
    bool overflow = false;
    for (; at < text.size() && digit_value(text[at]) < static_cast<int>(radix); ++at) {
        const auto digit = static_cast<std::uint64_t>(digit_value(text[at]));
        overflow |=
            __builtin_mul_overflow(number.magnitude, std::uint64_t{radix}, &number.magnitude);
        overflow |= __builtin_add_overflow(number.magnitude, digit, &number.magnitude);
    }
    number.result = at == first ? -EINVAL : overflow ? -ERANGE : static_cast<std::int64_t>(at);
    return number;
}

std::int64_t strtol(Invocation&, const char* text, std::uint64_t size_bytes, std::uint64_t flags,
                    std::int64_t* result) {
    *result = 0;
    const Number number = read_number({text, size_bytes}, flags);
    if (number.result < 0) {
        return number.result;
    }
    constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
    if (number.magnitude > kMost + (number.negative ? 1 : 0)) {
        return -ERANGE;
    }
    *result = static_cast<std::int64_t>(number.negative ? 0 - number.magnitude : number.magnitude);
    return number.result;
}

std::int64_t strtoul(Invocation&, const char* text, std::uint64_t size_bytes, std::uint64_t flags,
                     std::uint64_t* result) {
    *result = 0;
    const Number number = read_number({text, size_bytes}, flags);
    if (number.result >= 0 && number.negative) {
        return -EINVAL;
    }
    *result = number.result < 0 ? 0 : number.magnitude;
    return number.result;
}

std::int64_t compare_text(Invocation&, const char* left, std::uint32_t size_bytes,
                          const char* right) {
    for (std::uint32_t i = 0; i < size_bytes; ++i) {
        const auto l = static_cast<std::uint8_t>(left[i]);
        const auto r = static_cast<std::uint8_t>(right[i]);
        if (l != r) {
            return l < r ? -1 : 1;
        }
        if (l == 0) {
            return 0;
        }
    }
    return 0;
}

// The length that the whole text needs, its zero included.
std::int64_t snprintf(Invocation& invocation, char* out, std::uint32_t size_bytes, const char* text,
                      const std::uint64_t* arguments, std::uint32_t arguments_bytes) {
    const bool bad_arguments = arguments_bytes % 8 != 0 ||
                               arguments_bytes > kFormatArgumentsMost * 8 ||
                               (arguments_bytes != 0 && arguments == nullptr);
    if (bad_arguments) {
        return -EINVAL;
    }
    const std::int64_t length = format(invocation, std::string_view(text),
                                       {arguments, arguments_bytes / 8}, {out, size_bytes});
    return length < 0 ? length : length + 1;
}

constexpr Row kRows[] = {
    {Helper::strtol, kNative<strtol>},
    {Helper::strtoul, kNative<strtoul>},
    {Helper::strncmp, kNative<compare_text>},
    {Helper::snprintf, kNative<snprintf>},
};

} // namespace

std::span<const Row> text_helpers() { return kRows; }

} // namespace skep::helpers
