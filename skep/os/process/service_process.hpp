// SPDX-License-Identifier: Apache-2.0
//
// Processes that we start: a child that ends with its owner's object, and one that outlives us.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "skep/base/result.hpp"
#include "skep/os/fd.hpp"

namespace skep::os {

// The number under which a child finds what it was handed.
inline constexpr int kChildsDescriptor = 3;

// A child process; killed and waited for when this goes.
class ServiceProcess {
  public:
    // Runs `words` (the first is a path) with `handed` as descriptor 3 and no other but 0, 1 and 2.
    // The child is also killed when the thread that started it ends.
    static Result<ServiceProcess> start(const std::vector<std::string>& words, const Fd& handed);
    ServiceProcess(ServiceProcess&& other) noexcept : process_(std::exchange(other.process_, -1)) {}
    ServiceProcess& operator=(ServiceProcess&&) = delete;
    ~ServiceProcess();

    [[nodiscard]] int process() const { return process_; }
    // Of a process whose socket has closed: how it ended, in words; waits for it a little. Once.
    [[nodiscard]] std::string how_it_ended();

  private:
    explicit ServiceProcess(int process) : process_(process) {}
    int process_ = -1;
};

// Starts `words` in a session of its own, standard input empty, output and errors added to `log`.
// Nobody waits for it.
Result<void> start_detached(const std::vector<std::string>& words, const std::string& log);

} // namespace skep::os
