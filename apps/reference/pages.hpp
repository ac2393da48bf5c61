// SPDX-License-Identifier: Apache-2.0
//
// The reference pages: each a name and the function that prints it from a table of spec/.
//
// To add a page, write its function in a file of its own, declare it here and add a row in
// pages.cpp.
//
// Proved by: pages_test.cpp (the committed pages are what the tables say).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "skep/spec/support.hpp"

namespace skep::reference {

struct Page {
    std::string_view name; // of the file, without ".md"
    std::string (*print)();
};

std::span<const Page> pages();

std::string instructions_page();
std::string helpers_page();
std::string program_types_page();
std::string map_types_page();
std::string contexts_page();
std::string commands_page();
std::string limits_page();
std::string findings_page();

// A table in Markdown; the cells are escaped here.
class Table {
  public:
    explicit Table(const std::vector<std::string_view>& titles);
    void add(const std::vector<std::string>& cells);
    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    std::string text_;
};

std::string code(std::string_view text); // as code, "`r1 += 2`"; nothing stays nothing

// A support column in words: "yes", "no", "but: ...".
std::string support_text(const spec::Support& support);

} // namespace skep::reference
