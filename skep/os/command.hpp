// SPDX-License-Identifier: Apache-2.0
//
// Commands: other programs, run to their end with what they print kept, or left running until told
// to stop. Nothing is passed through a shell. A command that is still running when its object goes
// is ended first, politely and then not.
//
// Proved by: command_test.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "skep/base/result.hpp"
#include "skep/os/fd.hpp"

namespace skep::os {

struct CommandResult {
    int exit_status = 0; // 128 + signal when a signal ended it
    std::string output;  // standard output and error, as they came
};

// The program that is running now.
Result<std::string> own_program();

// Runs `words` (the first is looked up in PATH) with standard input empty; keeps at most
// `limit_bytes` of output and reads the rest to nowhere.
Result<CommandResult> run_command(const std::vector<std::string>& words,
                                  std::size_t limit_bytes = 16U << 20);

// A command that runs beside us, its output going into a file.
class BackgroundCommand {
  public:
    static Result<BackgroundCommand> start(const std::vector<std::string>& words,
                                           const std::string& output_file);
    BackgroundCommand(BackgroundCommand&& other) noexcept
        : process_(std::exchange(other.process_, -1)) {}
    BackgroundCommand& operator=(BackgroundCommand&&) = delete;
    ~BackgroundCommand() { stop(); }

    // Interrupts it as Ctrl-C does and waits; after two seconds it is killed.
    void stop();

  private:
    explicit BackgroundCommand(int process) : process_(process) {}
    int process_ = -1;
};

} // namespace skep::os
