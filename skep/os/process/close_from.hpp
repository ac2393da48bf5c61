// SPDX-License-Identifier: Apache-2.0
//
// Closing all descriptors from a number on: for a process that was just made and is to have no
// others. Safe between fork and exec.
//
// Proved by: confined/bounded_run_test.cpp.
#pragma once

#include <unistd.h>

namespace skep::os {

inline void close_from(int first) {
    if (::close_range(static_cast<unsigned>(first), ~0U, 0) == 0) {
        return;
    }
    constexpr int kMost = 4096; // a kernel before 5.9
    for (int fd = first; fd < kMost; ++fd) {
        ::close(fd);
    }
}

} // namespace skep::os
