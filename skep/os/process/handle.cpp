// SPDX-License-Identifier: Apache-2.0
#include "skep/os/process/handle.hpp"

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

namespace skep::os {

Result<FileIdentity> identity_of(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) {
        return error_from_errno(errno, "looking at a file descriptor");
    }
    return FileIdentity{status.st_dev, status.st_ino};
}

Result<Access> access_of(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0) {
        return error_from_errno(errno, "looking at a file descriptor");
    }
    switch (flags & O_ACCMODE) {
    case O_RDONLY:
        return Access::read_only;
    case O_WRONLY:
        return Access::write_only;
    default:
        return Access::read_write;
    }
}

Result<Fd> new_handle(const Fd& memfd, Access access) {
    const int mode = access == Access::read_write  ? O_RDWR
                     : access == Access::read_only ? O_RDONLY
                                                   : O_WRONLY;
    const std::string path = "/proc/self/fd/" + std::to_string(memfd.number());
    Fd handle(::open(path.c_str(), mode | O_CLOEXEC));
    if (!handle.is_open()) {
        return error_from_errno(errno, "making a handle");
    }
    if (::flock(handle.number(), LOCK_SH | LOCK_NB) != 0) {
        return error_from_errno(errno, "locking a handle");
    }
    return handle;
}

bool is_held(const Fd& memfd) {
    if (::flock(memfd.number(), LOCK_EX | LOCK_NB) != 0) {
        return true;
    }
    ::flock(memfd.number(), LOCK_UN);
    return false;
}

} // namespace skep::os
