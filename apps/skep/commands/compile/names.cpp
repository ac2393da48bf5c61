// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/commands/compile/names.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "apps/skep/commands/compile/reserved_words.hpp"
#include "skep/run/jit/routines.hpp"
#include "skep/spec/helpers.hpp"

namespace skep::app {

namespace {

constexpr std::size_t kLongest = 120;

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }
bool is_plain(char letter) { // whatever the locale says
    return is_digit(letter) || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
}

std::set<std::string> itself(const std::string& symbol) { return {symbol}; }

std::set<std::string> names_of_program(const std::string& symbol) {
    return {symbol, symbol + "_on", symbol + "_record", symbol + "_call_back"};
}

std::set<std::string> names_of_map(const std::string& symbol) {
    const std::string capitals = in_capitals(symbol);
    return {symbol,
            symbol + "_handle",
            capitals + "_ENTRIES",
            capitals + "_KEY_SIZE",
            capitals + "_VALUE_SIZE",
            capitals + "_STRIDE"};
}

} // namespace

std::string as_identifier(std::string_view name) {
    std::string identifier;
    for (const char letter : name.substr(0, kLongest)) {
        identifier += is_plain(letter) ? letter : '_';
    }
    identifier.erase(0, std::min(identifier.find_first_not_of('_'), identifier.size()));
    return identifier.empty() || is_digit(identifier[0]) ? "p" + identifier : identifier;
}

std::string as_remark(std::string_view name) {
    std::string remark;
    for (const char letter : name.substr(0, kLongest)) {
        const bool fits = is_plain(letter) || letter == '.' || letter == '-' || letter == '+';
        remark += fits ? letter : '_';
    }
    return remark + (name.size() > kLongest ? "..." : "");
}

std::string in_capitals(std::string_view name) {
    std::string capitals(name);
    for (char& letter : capitals) {
        letter = letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
    }
    return capitals;
}

SymbolNames::SymbolNames(std::string prefix) : prefix_(std::move(prefix)) {
    for (const spec::HelperRow& row : spec::helpers()) {
        constexpr std::string_view kBefore = "bpf_";
        const std::size_t begin = row.name.starts_with(kBefore) ? kBefore.size() : 0;
        taken_.insert(fmt::format("{}_helper_{}", prefix_, row.name.substr(begin)));
    }
    for (const std::string_view routine : run::jit::kRoutineNames) {
        taken_.insert(fmt::format("{}_routine_{}", prefix_, routine));
    }
    opener_ = take(joined("open"), itself);
}

std::string SymbolNames::of_program(std::string_view name) {
    return take(joined(name), names_of_program);
}
std::string SymbolNames::of_map(std::string_view name) { return take(joined(name), names_of_map); }
std::string SymbolNames::of_variable(std::string_view map_symbol, std::string_view name) {
    return take(fmt::format("{}_AT_{}", in_capitals(map_symbol), as_identifier(name)), itself);
}

std::string SymbolNames::joined(std::string_view name) const {
    return fmt::format("{}_{}", prefix_, as_identifier(name));
}

std::string SymbolNames::take(const std::string& first, Derive derive) {
    std::string symbol;
    const auto is_taken = [this](const std::string& one) {
        return taken_.count(one) != 0 || is_reserved_word(one);
    };
    std::size_t& number = numbers_[first]; // given so far: a file may hold one name very often
    for (;;) {
        symbol = number == 0 ? first : fmt::format("{}_{}", first, number + 1);
        ++number;
        const std::set<std::string> all = derive(symbol);
        if (std::none_of(all.begin(), all.end(), is_taken)) {
            taken_.insert(all.begin(), all.end());
            return symbol;
        }
    }
}

} // namespace skep::app
