// SPDX-License-Identifier: Apache-2.0
//
// Names of an object file as names in C.
//
// An object file is a stranger's: its programs and maps may have any bytes as their names, the same
// names twice, or names that together with the unit's are those of the C library. What stands in a
// header is made of letters, digits and underscores only, is unique in its unit, and is no word of
// C, C++ or their libraries; what does not fit gets a number behind it, the same at every run.
//
// Proved by: names_test.cpp, tests/ahead/run_compile.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace skep::app {

// As a C identifier, and no longer than one should be.
std::string as_identifier(std::string_view name);
// As a word inside a comment, which it cannot end.
std::string as_remark(std::string_view name);
// Letters in upper case, as the constants of a map have them.
std::string in_capitals(std::string_view name);

class SymbolNames {
  public:
    explicit SymbolNames(std::string prefix);

    // PREFIX_NAME, or PREFIX_NAME_2 and so on: nothing else has it or a name that is derived of it.
    std::string of_program(std::string_view name);
    std::string of_map(std::string_view name);
    // Of the constant that says where a variable lies: CAPITALS_AT_name.
    std::string of_variable(std::string_view map_symbol, std::string_view name);
    // Of the function that is called first.
    [[nodiscard]] const std::string& opener() const { return opener_; }

  private:
    using Derive = std::set<std::string> (*)(const std::string& symbol);
    std::string take(const std::string& first, Derive derive);
    [[nodiscard]] std::string joined(std::string_view name) const;

    std::string prefix_;
    std::string opener_;
    std::set<std::string> taken_;
    std::map<std::string, std::size_t> numbers_;
};

} // namespace skep::app
