// SPDX-License-Identifier: Apache-2.0
//
// Directories that belong to one user: where pins lie and where the daemon listens.
//
// Such a directory is made with mode 0700. One that exists must be a real directory (no symbolic
// link), owned by this user, and closed to others; otherwise someone else could put files there.
//
// Proved by: private_directory_test.cpp.
#pragma once

#include <string>

#include "skep/base/result.hpp"
#include "skep/os/fd.hpp"

namespace skep::os {

// Makes `path` (its parent too, when `parent` says so) or checks what is there.
enum class Parent : std::uint8_t { must_exist, make };
Result<void> ensure_private_directory(const std::string& path, Parent parent);

// A file in such a directory, made when missing, open for reading and writing, mode 0600.
Result<Fd> open_private_file(const std::string& path);

// A new directory of a random name under the temporary directory, mode 0700.
Result<std::string> make_temporary_directory(const std::string& prefix);
// Removes a directory with all in it.
void remove_directory(const std::string& path);

// $XDG_RUNTIME_DIR, else /run/user/UID when it exists, else empty.
std::string runtime_directory();
// $TMPDIR, else /tmp.
std::string temporary_directory();

} // namespace skep::os
