// SPDX-License-Identifier: Apache-2.0
//
// Bytes as people compare them.
#pragma once

#include <string>

#include <fmt/format.h>

#include "skep/base/bytes.hpp"
#include "skep/observe/output.hpp"

namespace skep::app {

// "0000010	002e 0000 ... | ........ ......E.": sixteen bytes a line, what is printable beside
// them.
inline void print_hex_dump(observe::Output& output, Bytes bytes) {
    constexpr std::size_t kLineBytes = 16;
    for (std::size_t begin = 0; begin < bytes.size(); begin += kLineBytes) {
        std::string digits;
        std::string letters;
        for (std::size_t at = begin; at < begin + kLineBytes; ++at) {
            if (at < bytes.size()) {
                const bool is_printable = bytes[at] >= 0x20 && bytes[at] < 0x7f;
                digits += fmt::format("{:02x}", bytes[at]);
                letters += is_printable ? static_cast<char>(bytes[at]) : '.';
            } else {
                digits += "  ";
            }
            digits += at % 2 == 1 ? " " : "";
            letters += at == begin + kLineBytes / 2 - 1 && at + 1 < bytes.size() ? " " : "";
        }
        output.write(fmt::format("{:07x}\t{}| {}\n", begin, digits, letters));
    }
}

// "0a 00 00 00": with a wider gap after each eight bytes when `grouped`.
inline std::string hex_text(Bytes bytes) {
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        text += fmt::format("{}{:02x}",
                            at == 0        ? ""
                            : at % 16 == 0 ? "\n"
                            : at % 8 == 0  ? "  "
                                           : " ",
                            bytes[at]);
    }
    return text;
}

} // namespace skep::app
