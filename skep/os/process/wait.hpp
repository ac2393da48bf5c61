// SPDX-License-Identifier: Apache-2.0
//
// Waiting for descriptors, and waking somebody who waits.
#pragma once

#include <span>
#include <vector>

#include "skep/base/result.hpp"
#include "skep/os/fd.hpp"

namespace skep::os {

// Which of the descriptors can be read, or are at their end, by index; none when `timeout_ms`
// passed (negative: no limit) or a signal came. Numbers below zero are left out.
Result<std::vector<std::size_t>> wait_readable(std::span<const int> fds, int timeout_ms);

// Something to wait for that another thread or a signal handler can make readable.
class Wakeup {
  public:
    static Result<Wakeup> create();
    [[nodiscard]] int fd() const { return fd_.number(); }
    void wake() const;
    void clear() const; // what was woken so far is dealt with

  private:
    explicit Wakeup(Fd fd) : fd_(std::move(fd)) {}
    Fd fd_;
};

} // namespace skep::os
