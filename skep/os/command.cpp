// SPDX-License-Identifier: Apache-2.0
#include "skep/os/command.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

namespace skep::os {
namespace {

std::vector<char*> argument_vector(const std::vector<std::string>& words) {
    std::vector<char*> arguments;
    for (const std::string& word : words) {
        arguments.push_back(const_cast<char*>(word.c_str())); // NOLINT: exec does not write to them
    }
    arguments.push_back(nullptr);
    return arguments;
}

// In the child: standard input empty, output and error to `output`, then the program.
[[noreturn]] void become(const std::vector<char*>& arguments, int output) {
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
}

int status_of(int wait_status) {
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

std::string read_all(const Fd& from, std::size_t limit_bytes) {
    std::string text;
    std::array<char, 65536> part{};
    for (;;) {
        const ssize_t count = ::read(from.number(), part.data(), part.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return text;
        }
        text.append(part.data(),
                    std::min(static_cast<std::size_t>(count), limit_bytes - text.size()));
    }
}

Result<int> start_process(const std::vector<std::string>& words, const Fd& output) {
    const std::vector<char*> arguments = argument_vector(words);
    const pid_t child = ::fork();
    if (child < 0) {
        return error_from_errno(errno, fmt::format("starting {}", words[0]));
    }
    if (child == 0) {
        become(arguments, output.number());
    }
    return child;
}

} // namespace

Result<std::string> own_program() {
    std::array<char, 4096> path{};
    const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
    if (size < 0) {
        return error_from_errno(errno, "reading /proc/self/exe");
    }
    return std::string(path.data(), static_cast<std::size_t>(size));
}

Result<CommandResult> run_command(const std::vector<std::string>& words, std::size_t limit_bytes) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return error_from_errno(errno, "making a pipe");
    }
    const Fd reading(ends[0]);
    Fd writing(ends[1]);
    const int process = TRY(start_process(words, writing));
    writing = Fd();
    CommandResult result;
    result.output = read_all(reading, limit_bytes);
    int status = 0;
    while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
    }
    result.exit_status = status_of(status);
    if (result.exit_status == 127 && result.output.empty()) {
        return fail(Code::not_found, fmt::format("{} cannot be run: is it installed?", words[0]));
    }
    return result;
}

Result<BackgroundCommand> BackgroundCommand::start(const std::vector<std::string>& words,
                                                   const std::string& output_file) {
    const Fd output(::open(output_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!output.is_open()) {
        return error_from_errno(errno, fmt::format("opening {}", output_file));
    }
    return BackgroundCommand(TRY(start_process(words, output)));
}

void BackgroundCommand::stop() {
    if (process_ < 0) {
        return;
    }
    ::kill(process_, SIGINT);
    constexpr int kTries = 200;
    for (int i = 0; i < kTries; ++i) {
        if (::waitpid(process_, nullptr, WNOHANG) != 0) {
            process_ = -1;
            return;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
}

} // namespace skep::os
