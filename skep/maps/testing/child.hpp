// SPDX-License-Identifier: Apache-2.0
//
// For tests: work in a forked child, which may be waited for or killed. It never returns into the
// test.
#pragma once

#include <functional>
#include <utility>

#include "skep/os/sharing/child.hpp"

namespace skep::maps::testing {

class Child {
  public:
    explicit Child(const std::function<void()>& work) : pid_(os::fork_and_run(work)) {}
    ~Child() { kill(); }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    bool ended_well() { return os::wait_for(std::exchange(pid_, 0)) == 0; }
    void kill() {
        if (pid_ > 0) {
            os::kill_and_wait(std::exchange(pid_, 0));
        }
    }

  private:
    int pid_;
};

} // namespace skep::maps::testing
