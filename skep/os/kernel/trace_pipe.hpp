// SPDX-License-Identifier: Apache-2.0
//
// Lines of a stream that another process or the kernel writes, and the wish of a person to stop.
#pragma once

#include <optional>
#include <string>

#include "skep/base/result.hpp"
#include "skep/os/fd.hpp"

namespace skep::os {

// The kernel's trace_pipe, opened where tracefs is mounted.
Result<Fd> open_trace_pipe();
// Whether somebody switched the kernel's tracing off: then no line comes from it.
bool is_tracing_off();

// Reads what is there within the time: text, empty when none came.
Result<std::string> read_within(const Fd& fd, int timeout_ms);

// While one exists, Ctrl-C and SIGTERM do not end the process; they are remembered.
class Interrupts {
  public:
    static Result<Interrupts> catch_them();
    Interrupts(Interrupts&& other) noexcept = default;
    Interrupts& operator=(Interrupts&&) = delete;
    ~Interrupts();
    // Whether one came.
    [[nodiscard]] bool came();

  private:
    explicit Interrupts(Fd fd) : fd_(std::move(fd)) {}
    Fd fd_;
    bool came_ = false;
};

} // namespace skep::os
