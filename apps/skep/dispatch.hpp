// SPDX-License-Identifier: Apache-2.0
//
// Dispatch: from typed words to a command, and from its Result to text and an exit status.
#pragma once

#include <string>
#include <vector>

#include "apps/skep/session.hpp"

namespace skep::app {

// What the arguments of the process mean: options taken out, the rest as words.
struct CommandLine {
    Options options;
    std::vector<std::string> words;
    bool wants_help = false;
    bool wants_version = false;
};
Result<CommandLine> read_command_line(std::vector<std::string> arguments,
                                      const std::string& engine_variable);

// Runs one command and reports its error; the exit status.
int run_words(Session& session, std::vector<std::string> words);

// Shows an error where this session shows errors.
void report(Session& session, const Error& error);

// The whole program.
int run_program(std::string program, std::vector<std::string> arguments,
                const std::string& engine_variable);

} // namespace skep::app
