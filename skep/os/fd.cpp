// SPDX-License-Identifier: Apache-2.0
#include "skep/os/fd.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace skep::os {

Fd& Fd::operator=(Fd&& other) noexcept {
    if (this != &other) {
        if (number_ >= 0) {
            ::close(number_);
        }
        number_ = std::exchange(other.number_, -1);
    }
    return *this;
}

Fd::~Fd() {
    if (number_ >= 0) {
        ::close(number_);
    }
}

Result<Fd> Fd::duplicate() const { return os::duplicate(number_); }

Result<Fd> duplicate(int number) {
    const int copy = ::fcntl(number, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        return error_from_errno(errno, "duplicating a file descriptor");
    }
    return Fd(copy);
}

} // namespace skep::os
