// SPDX-License-Identifier: Apache-2.0
#include "skep/os/sharing/child.hpp"

#include <cerrno>
#include <csignal>

#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace skep::os {

int fork_and_run(const std::function<void()>& work) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        work();
        ::_exit(0);
    }
    return pid < 0 ? -errno : pid;
}

void leave_terminal() { ::setsid(); }

bool give_up_threads() {
    constexpr uid_t kNobody = 65534;
    const rlimit none{0, 0};
    return ::setrlimit(RLIMIT_NPROC, &none) == 0 &&
           (::getuid() != 0 || ::setresuid(kNobody, kNobody, kNobody) == 0);
}

int wait_for(int process_id) {
    int status = 0;
    while (::waitpid(process_id, &status, 0) < 0) {
        if (errno != EINTR) {
            return -errno;
        }
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void kill_and_wait(int process_id) {
    ::kill(process_id, SIGKILL);
    wait_for(process_id);
}

std::int64_t kill_after_instructions(const std::function<void()>& before,
                                     const std::function<void()>& work, std::int64_t most) {
    const int child = fork_and_run([&] {
        before();
        if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0) {
            ::raise(SIGSTOP);
            work();
        }
    });
    if (child < 0) {
        return child;
    }
    int status = 0;
    if (::waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
        return -EPERM; // it ended by itself: it may not be watched
    }
    std::int64_t taken = 0;
    for (; taken < most; ++taken) {
        ::ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr);
        if (::waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
            return taken;
        }
    }
    kill_and_wait(child);
    return taken;
}

} // namespace skep::os
