// SPDX-License-Identifier: Apache-2.0
#include "skep/os/sharing/child.hpp"

#include <cerrno>
#include <csignal>

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

} // namespace skep::os
