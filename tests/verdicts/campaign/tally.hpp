// SPDX-License-Identifier: Apache-2.0
//
// Tally: what a campaign counted so far, kept in a file of lines so that it can go on another day.
//
// The file has a word, a tab, and the rest on each line: `next` (where to go on), the cells of the
// 2x2 table, and for each cause of disagreement how often it was met. Programs themselves go to a
// second file, `FILE.cases`, the first few of each cause, minimised.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tests/verdicts/campaign/minimise.hpp"

namespace skep::tests::campaign {

class Tally {
  public:
    explicit Tally(std::string file) : file_(std::move(file)) {}

    void read();
    void write() const;
    void count(const Opinion& ours, const Opinion& kernels);
    // Counts a disagreement; answers whether its program is still wanted.
    bool wants(const Case& found);
    void keep(const std::string& name, const Case& found, const ProgramSpec& smallest) const;
    [[nodiscard]] std::string summary() const;
    [[nodiscard]] std::uint64_t judged() const;

    std::uint64_t next = 0;

  private:
    std::string file_; // empty: nowhere
    std::map<std::string, std::uint64_t> counts_;
};

} // namespace skep::tests::campaign
