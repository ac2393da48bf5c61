// SPDX-License-Identifier: Apache-2.0
#include "skep/os/storage/private_directory.hpp"

#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "skep/os/machine.hpp"

namespace skep::os {
namespace {

Result<void> check_private_directory(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
        return error_from_errno(errno, "looking at " + path);
    }
    if (S_ISLNK(status.st_mode)) {
        return fail(Code::access_denied,
                    path + " is a symbolic link; a real directory of yours is needed there");
    }
    if (!S_ISDIR(status.st_mode)) {
        return fail(Code::access_denied, path + " is not a directory");
    }
    if (status.st_uid != ::getuid()) {
        return fail(Code::access_denied, path + " belongs to user " +
                                             std::to_string(status.st_uid) +
                                             ", not to you; remove it or choose another directory");
    }
    if ((status.st_mode & 0077) != 0) {
        return fail(Code::access_denied,
                    path + " is open to other users; close it with: chmod 700 " + path);
    }
    return {};
}

} // namespace

Result<void> ensure_private_directory(const std::string& path, Parent parent) {
    const std::string above = std::filesystem::path(path).parent_path().string();
    struct stat status {};
    if (parent == Parent::make && !above.empty() && ::stat(above.c_str(), &status) != 0) {
        TRY(ensure_private_directory(above, Parent::must_exist));
    }
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        return error_from_errno(errno, "making " + path);
    }
    return check_private_directory(path);
}

Result<Fd> open_private_file(const std::string& path) {
    Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.is_open()) {
        return error_from_errno(errno, "opening " + path);
    }
    return file;
}

Result<std::string> make_temporary_directory(const std::string& prefix) {
    std::string path = temporary_directory() + "/" + prefix + "-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) {
        return error_from_errno(errno, "making a directory under " + temporary_directory());
    }
    return path;
}

void remove_directory(const std::string& path) {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
}

std::string runtime_directory() {
    std::string directory = environment_variable("XDG_RUNTIME_DIR");
    if (directory.empty() || directory.front() != '/') {
        directory = "/run/user/" + std::to_string(user_id());
    }
    struct stat status {};
    const bool usable = ::stat(directory.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
                        ::access(directory.c_str(), W_OK | X_OK) == 0;
    return usable ? directory : std::string();
}

std::string temporary_directory() {
    std::string directory = environment_variable("TMPDIR");
    if (directory.empty() || directory.front() != '/') {
        directory = "/tmp";
    }
    return directory;
}

} // namespace skep::os
