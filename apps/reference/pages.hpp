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

namespace skep::reference {

struct Page {
    std::string_view name; // of the file, without ".md"
    std::string (*print)();
};

std::span<const Page> pages();

std::string instructions_page();

// A table in Markdown; the cells are escaped here.
class Table {
  public:
    explicit Table(std::vector<std::string_view> titles);
    void add(const std::vector<std::string>& cells);
    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    std::string text_;
};

std::string code(std::string_view text); // as code, "`r1 += 2`"; nothing stays nothing

} // namespace skep::reference
