// SPDX-License-Identifier: Apache-2.0
#include "skep/os/process/wait.hpp"

#include <cerrno>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace skep::os {

Result<std::vector<std::size_t>> wait_readable(std::span<const int> fds, int timeout_ms) {
    std::vector<pollfd> polls;
    polls.reserve(fds.size());
    for (const int fd : fds) {
        polls.push_back({fd, POLLIN, 0});
    }
    const int count = ::poll(polls.data(), polls.size(), timeout_ms);
    std::vector<std::size_t> ready;
    if (count < 0) {
        return errno == EINTR ? Result<std::vector<std::size_t>>(ready)
                              : error_from_errno(errno, "waiting");
    }
    for (std::size_t i = 0; i < polls.size(); ++i) {
        if (polls[i].revents != 0) {
            ready.push_back(i);
        }
    }
    return ready;
}

Result<Wakeup> Wakeup::create() {
    Fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fd.is_open()) {
        return error_from_errno(errno, "making an event");
    }
    return Wakeup(std::move(fd));
}

void Wakeup::wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written =
        ::write(fd_.number(), &one, sizeof one); // full means woken
}

void Wakeup::clear() const {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t taken =
        ::read(fd_.number(), &count, sizeof count); // empty is fine
}

} // namespace skep::os
