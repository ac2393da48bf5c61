// SPDX-License-Identifier: Apache-2.0
#include "skep/os/net/namespaces.hpp"

#include <cerrno>

#include <fmt/format.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace skep::os {
namespace {

bool has_magic(const std::string& directory, unsigned long magic) {
    struct statfs facts {};
    return ::statfs(directory.c_str(), &facts) == 0 &&
           static_cast<unsigned long>(facts.f_type) == magic;
}

} // namespace

Result<void> enter_own_network_and_mounts() {
    if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
        const int os_errno = errno;
        Error error = error_from_errno(os_errno, "making a network namespace");
        if (os_errno == EPERM) {
            error.message += " (CAP_SYS_ADMIN is missing: run as root)";
        }
        return error;
    }
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
        const int os_errno = errno;
        Error error = error_from_errno(os_errno, "making the mounts private");
        if (os_errno == EINVAL) {
            error.message += " (/ is no mount point here, as in a plain chroot: bind it to itself "
                             "before entering, mount --bind)";
        }
        return error;
    }
    return {};
}

Result<void> mount_filesystem(const std::string& type, const std::string& directory) {
    if (::mount(type.c_str(), directory.c_str(), type.c_str(), 0, nullptr) != 0) {
        return error_from_errno(errno, fmt::format("mounting {} on {}", type, directory));
    }
    return {};
}

bool is_bpf_filesystem(const std::string& directory) { return has_magic(directory, BPF_FS_MAGIC); }
bool is_trace_filesystem(const std::string& directory) {
    return has_magic(directory, TRACEFS_MAGIC);
}
bool is_network_namespace(int fd) { return ::ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET; }
bool is_control_group(int fd) {
    struct statfs facts {};
    return ::fstatfs(fd, &facts) == 0 &&
           static_cast<unsigned long>(facts.f_type) == CGROUP2_SUPER_MAGIC;
}
bool is_root() { return ::geteuid() == 0; }

} // namespace skep::os
