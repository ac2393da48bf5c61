// SPDX-License-Identifier: Apache-2.0
#include "skep/os/storage/append_file.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "skep/os/fd.hpp"

namespace skep::os {

Result<void> append_to_own_file(const std::string& path, std::string_view text) {
    constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    const Fd file(::open(path.c_str(), kFlags, 0600));
    if (!file.is_open()) {
        return error_from_errno(errno, "opening " + path);
    }
    struct stat status {};
    if (::fstat(file.number(), &status) != 0) {
        return error_from_errno(errno, "looking at " + path);
    }
    if (!S_ISREG(status.st_mode) || status.st_uid != ::geteuid()) {
        return fail(Code::not_permitted, path + " is not a plain file of ours");
    }
    const ssize_t written = ::write(file.number(), text.data(), text.size());
    if (written != static_cast<ssize_t>(text.size())) {
        return error_from_errno(written < 0 ? errno : ENOSPC, "writing " + path);
    }
    return {};
}

} // namespace skep::os
