// SPDX-License-Identifier: Apache-2.0
#include "apps/reference/pages.hpp"

#include <array>

#include <fmt/format.h>

namespace skep::reference {
namespace {

constexpr std::array kPages{
    Page{"instructions", instructions_page},
    Page{"helpers", helpers_page},
    Page{"program_types", program_types_page},
    Page{"map_types", map_types_page},
    Page{"contexts", contexts_page},
    Page{"commands", commands_page},
    Page{"limits", limits_page},
    Page{"findings", findings_page},
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

Table::Table(const std::vector<std::string_view>& titles) {
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

std::string support_text(const spec::Support& support) {
    switch (support.level) {
    case spec::SupportLevel::full:
        return "yes";
    case spec::SupportLevel::absent:
        return "no";
    case spec::SupportLevel::partial:
        return fmt::format("but: {}", support.missing);
    }
    return {};
}

} // namespace skep::reference
