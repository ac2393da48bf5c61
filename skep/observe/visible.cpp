// SPDX-License-Identifier: Apache-2.0
#include "skep/observe/visible.hpp"

#include <array>
#include <cstdint>

namespace skep::observe {
namespace {

constexpr std::uint8_t kDelete = 0x7f;
constexpr std::uint8_t kFirstOfTwo = 0xc2; // UTF-8 of U+0080 to U+00bf begins with it

std::uint8_t byte_at(std::string_view text, std::size_t at) {
    return at < text.size() ? static_cast<std::uint8_t>(text[at]) : 0;
}

bool is_control(std::uint8_t byte) {
    return (byte < ' ' && byte != '\n' && byte != '\t') || byte == kDelete;
}

// U+0080 to U+009f, which some terminals take for an escape and a letter.
bool is_upper_control(std::string_view text, std::size_t at) {
    return byte_at(text, at) == kFirstOfTwo && byte_at(text, at + 1) >= 0x80 &&
           byte_at(text, at + 1) < 0xa0;
}

// The length of one of our own colours at this place; 0 when there is none.
std::size_t colour_at(std::string_view text, std::size_t at) {
    static constexpr std::array<std::string_view, 7> kColours{
        "\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[1;31m", "\x1b[1;32m", "\x1b[1;34m", "\x1b[1;36m"};
    for (const std::string_view colour : kColours) {
        if (text.substr(at).starts_with(colour)) {
            return colour.size();
        }
    }
    return 0;
}

} // namespace

bool is_visible(std::string_view text) {
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (is_control(byte_at(text, at)) || is_upper_control(text, at)) {
            return false;
        }
    }
    return true;
}

std::string visible(std::string_view text) {
    std::string shown;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const std::uint8_t byte = byte_at(text, at);
        if (const std::size_t size = colour_at(text, at); size != 0) {
            shown += text.substr(at, size);
            at += size - 1;
        } else if (byte == kDelete) {
            shown += "\u2421";
        } else if (is_control(byte)) {
            shown += "\xe2\x90"; // U+2400 and the character
            shown += static_cast<char>(0x80 + byte);
        } else if (is_upper_control(text, at)) {
            shown += "\ufffd";
            ++at;
        } else {
            shown += text[at];
        }
    }
    return shown;
}

} // namespace skep::observe
