// SPDX-License-Identifier: Apache-2.0
#include "skep/os/process/service_process.hpp"

#include <cerrno>
#include <csignal>

#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "skep/os/process/close_from.hpp"

namespace skep::os {
namespace {

constexpr int kCannotStart = 127;

std::vector<char*> arguments_of(const std::vector<std::string>& words) {
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (const std::string& word : words) {
        arguments.push_back(
            const_cast<char*>(word.c_str())); // NOLINT: exec's signature; not written to
    }
    arguments.push_back(nullptr);
    return arguments;
}

// From here to exec only what is safe after fork.
void put_at(int from, int to) {
    if (from == to) {
        ::fcntl(from, F_SETFD, 0);
    } else {
        ::dup2(from, to);
    }
}

void reset_signals() {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    ::signal(SIGINT, SIG_DFL);
}

void wait_for(int process) {
    int status = 0;
    while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
    }
}

} // namespace

Result<ServiceProcess> ServiceProcess::start(const std::vector<std::string>& words,
                                             const Fd& handed) {
    const std::vector<char*> arguments = arguments_of(words);
    const pid_t parent = ::getpid();
    const pid_t process = ::fork();
    if (process < 0) {
        return error_from_errno(errno, "starting " + words.front());
    }
    if (process == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) {
            ::_exit(kCannotStart);
        }
        reset_signals();
        put_at(handed.number(), kChildsDescriptor);
        close_from(kChildsDescriptor + 1);
        ::execv(arguments[0], arguments.data());
        ::_exit(kCannotStart);
    }
    return ServiceProcess(process);
}

std::string ServiceProcess::how_it_ended() {
    constexpr int kMostWaits = 50;
    int status = 0;
    pid_t ended = 0;
    for (int i = 0; i < kMostWaits && ended == 0 && process_ > 0; ++i) {
        ended = ::waitpid(process_, &status, WNOHANG);
        if (ended == 0) {
            ::poll(nullptr, 0, 1);
        }
    }
    if (ended <= 0) {
        return "did not answer in time";
    }
    process_ = -1;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) {
        return "made a system call that it may not make (SIGSYS)";
    }
    if (WIFSIGNALED(status)) {
        const int number = WTERMSIG(status);
        const char* name = ::sigabbrev_np(number);
        return "was ended by signal " + std::to_string(number) +
               (name == nullptr ? "" : std::string(" (SIG") + name + ")");
    }
    return "ended with status " + std::to_string(WEXITSTATUS(status));
}

ServiceProcess::~ServiceProcess() {
    if (process_ > 0) {
        ::kill(process_, SIGKILL);
        wait_for(process_);
    }
}

Result<void> start_detached(const std::vector<std::string>& words, const std::string& log) {
    const std::vector<char*> arguments = arguments_of(words);
    const Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const Fd output(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!output.is_open()) {
        return error_from_errno(errno, "opening " + log);
    }
    const pid_t middle = ::fork();
    if (middle < 0) {
        return error_from_errno(errno, "starting " + words.front());
    }
    if (middle == 0) {
        // The one in the middle ends at once, so that nobody has to wait for the last.
        if (::setsid() < 0 || ::fork() != 0) {
            ::_exit(0);
        }
        reset_signals();
        put_at(nothing.number(), 0);
        put_at(output.number(), 1);
        put_at(output.number(), 2);
        close_from(kChildsDescriptor);
        [[maybe_unused]] const int changed = ::chdir("/");
        ::execv(arguments[0], arguments.data());
        ::_exit(kCannotStart);
    }
    wait_for(middle);
    return {};
}

} // namespace skep::os
