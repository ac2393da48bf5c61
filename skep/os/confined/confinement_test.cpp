// SPDX-License-Identifier: Apache-2.0
//
// In children, since there is no way back.
#include "skep/os/confined/confinement.hpp"

#include <csignal>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace skep::os {
namespace {

constexpr int kNoFilter = 77;

// How a child ended that confined itself and then did this.
template <class Act>
int status_of(Act act) {
    const pid_t child = ::fork();
    if (child == 0) {
        const auto confined = confine_process();
        if (!confined.ok()) {
            ::_exit(1);
        }
        if (!*confined) {
            ::_exit(kNoFilter);
        }
        act();
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
}

template <class Act>
void expect_ended_by_the_filter(const char* what, Act act) {
    const int status = status_of(act);
    if (WIFEXITED(status) && WEXITSTATUS(status) == kNoFilter) {
        GTEST_SKIP() << "no filter: a sanitized build, or a system without seccomp";
    }
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << what;
}

TEST(Confinement, WhatAWorkerDoesGoesOnWorking) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const int status = status_of([&] {
        void* memory =
            ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        char name[16] = {};
        const bool fine = memory != MAP_FAILED && ::write(pipe_ends[1], "x", 1) == 1 &&
                          ::memfd_create("test", MFD_CLOEXEC) >= 0 &&
                          ::prctl(PR_GET_NAME, name) == 0;
        ::_exit(fine ? 0 : 2);
    });
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_TRUE(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == kNoFilter);
}

TEST(Confinement, FilesSocketsAndProgramsAreOutOfReach) {
    expect_ended_by_the_filter("opening a file", [] { ::open("/etc/passwd", O_RDONLY); });
    expect_ended_by_the_filter("making a socket", [] { ::socket(AF_INET, SOCK_STREAM, 0); });
    expect_ended_by_the_filter("running a program", [] { ::execl("/bin/true", "true", nullptr); });
    expect_ended_by_the_filter("making a process", [] { ::fork(); });
    expect_ended_by_the_filter("ending another", [] { ::kill(::getppid(), 0); });
    expect_ended_by_the_filter("changing itself", [] { ::prctl(PR_SET_DUMPABLE, 1); });
}

} // namespace
} // namespace skep::os
