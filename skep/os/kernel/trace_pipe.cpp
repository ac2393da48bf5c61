// SPDX-License-Identifier: Apache-2.0
#include "skep/os/kernel/trace_pipe.hpp"

#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace skep::os {

namespace {

sigset_t interrupt_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

} // namespace

Result<Fd> open_trace_pipe() {
    int last_errno = ENOENT;
    for (const char* path :
         {"/sys/kernel/tracing/trace_pipe", "/sys/kernel/debug/tracing/trace_pipe"}) {
        Fd fd(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        if (fd.is_open()) {
            return fd;
        }
        last_errno = errno == ENOENT ? last_errno : errno;
    }
    return error_from_errno(last_errno, "opening trace_pipe below /sys/kernel/tracing");
}

bool is_tracing_off() {
    for (const char* path :
         {"/sys/kernel/tracing/tracing_on", "/sys/kernel/debug/tracing/tracing_on"}) {
        const Fd fd(open(path, O_RDONLY | O_CLOEXEC));
        char state = '1';
        if (fd.is_open() && read(fd.number(), &state, 1) == 1) {
            return state == '0';
        }
    }
    return false;
}

Result<std::string> read_within(const Fd& fd, int timeout_ms) {
    pollfd wanted{.fd = fd.number(), .events = POLLIN, .revents = 0};
    const int ready = poll(&wanted, 1, timeout_ms);
    if (ready < 0 && errno != EINTR) {
        return error_from_errno(errno, "waiting for trace lines");
    }
    if (ready <= 0) {
        return std::string();
    }
    std::array<char, 16384> buffer{};
    const ssize_t size = read(fd.number(), buffer.data(), buffer.size());
    if (size < 0 && errno != EAGAIN && errno != EINTR) {
        return error_from_errno(errno, "reading trace lines");
    }
    return size <= 0 ? std::string() : std::string(buffer.data(), static_cast<std::size_t>(size));
}

Result<Interrupts> Interrupts::catch_them() {
    const sigset_t signals = interrupt_signals();
    if (sigprocmask(SIG_BLOCK, &signals, nullptr) != 0) {
        return error_from_errno(errno, "blocking signals");
    }
    Fd fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd.is_open()) {
        return error_from_errno(errno, "signalfd");
    }
    return Interrupts(std::move(fd));
}

Interrupts::~Interrupts() {
    if (fd_.is_open()) {
        const bool pending = came(); // taken, so that unblocking does not kill a clean end
        static_cast<void>(pending);
        const sigset_t signals = interrupt_signals();
        sigprocmask(SIG_UNBLOCK, &signals, nullptr);
    }
}

bool Interrupts::came() {
    signalfd_siginfo signal = {};
    while (read(fd_.number(), &signal, sizeof(signal)) == static_cast<ssize_t>(sizeof(signal))) {
        came_ = true;
    }
    return came_;
}

} // namespace skep::os
