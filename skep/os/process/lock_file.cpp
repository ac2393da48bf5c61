// SPDX-License-Identifier: Apache-2.0
#include "skep/os/process/lock_file.hpp"

#include <cerrno>

#include <sys/file.h>
#include <unistd.h>

namespace skep::os {

Result<void> lock_file(const Fd& file) {
    while (::flock(file.number(), LOCK_EX) != 0) {
        if (errno != EINTR) {
            return error_from_errno(errno, "locking a file");
        }
    }
    return {};
}

bool try_to_lock_file(const Fd& file) { return ::flock(file.number(), LOCK_EX | LOCK_NB) == 0; }

bool is_program(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

} // namespace skep::os
