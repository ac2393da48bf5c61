// SPDX-License-Identifier: Apache-2.0
//
// The narrator: prints a stage's heading, its sentence, the command and what the command printed.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "skep/base/result.hpp"

namespace skep::journey {

struct Stage {
    std::string title;              // "The verdict"
    std::string says;               // a sentence or two
    std::vector<std::string> words; // after "skep"
    std::size_t shown_lines = 40;   // the rest is counted, not shown
};

class Narrator {
  public:
    Narrator(std::string program, std::vector<std::string> options, bool colour)
        : program_(std::move(program)), options_(std::move(options)), colour_(colour) {}

    // Begins a stage that has several commands: heading and sentence.
    void begin(const std::string& title, const std::string& says);
    // Runs one command and prints it and its output; an error when it failed.
    Result<void> show(const std::vector<std::string>& words, std::size_t shown_lines = 40);
    // The same for a command that may answer no, such as showing what is gone.
    void quote_even_when_refused(const std::vector<std::string>& words, std::size_t shown_lines);
    // Both, for a stage of one command.
    Result<void> tell(const Stage& stage);
    // Prints a command and text that came of it by another way (a command that ran beside us).
    void quote(const std::string& command, const std::string& output, std::size_t shown_lines);
    // Runs a command without showing it.
    [[nodiscard]] Result<std::string> ask(std::vector<std::string> words) const;
    // The words of a full command line: this program, its engine, then `words`.
    [[nodiscard]] std::vector<std::string> command(const std::vector<std::string>& words) const;

  private:
    std::string program_;
    std::vector<std::string> options_; // --engine kernel, or nothing
    bool colour_;
    int stage_ = 0;
};

} // namespace skep::journey
