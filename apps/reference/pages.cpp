// SPDX-License-Identifier: Apache-2.0
#include "apps/reference/pages.hpp"

#include <array>

#include <fmt/format.h>

namespace skep::reference {
namespace {

constexpr std::array kPages{
    Page{"instructions", instructions_page},
};

// A bar would end the cell, in code as elsewhere.
std::string escaped(std::string_view cell) {
    std::string text;
    for (const char c : cell) {
        text += c == '|' ? "\\|" : std::string(1, c);
    }
    return text;
}

} // namespace

std::span<const Page> pages() { return kPages; }

Table::Table(std::vector<std::string_view> titles) {
    std::string rule = "|";
    text_ = "|";
    for (const std::string_view title : titles) {
        text_ += fmt::format(" {} |", title);
        rule += " --- |";
    }
    text_ += fmt::format("\n{}\n", rule);
}

void Table::add(const std::vector<std::string>& cells) {
    text_ += "|";
    for (const std::string& cell : cells) {
        text_ += fmt::format(" {} |", escaped(cell));
    }
    text_ += "\n";
}

std::string code(std::string_view text) {
    return text.empty() ? std::string() : fmt::format("`{}`", text);
}

} // namespace skep::reference
