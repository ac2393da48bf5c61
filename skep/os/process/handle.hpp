// SPDX-License-Identifier: Apache-2.0
//
// Handles: descriptors that stand for an object, and the question whether anyone still holds one.
//
// An object is a memfd. Who may use it holds an *own open file description* of it with a shared
// lock (flock); duplicates, forks, descriptors in flight and mappings all keep that description,
// and so the lock, alive without any code. The owner's own description never keeps a lock: "could I
// lock it for myself alone?" therefore means "has everyone let go?", also after a crash of either
// side. What a handle may be used for (reading, writing) is the access mode it was opened with.
//
// Proved by: handle_test.cpp.
#pragma once

#include <compare>
#include <cstdint>

#include "skep/base/result.hpp"
#include "skep/os/fd.hpp"

namespace skep::os {

// What a file is, whichever descriptor names it.
struct FileIdentity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    auto operator<=>(const FileIdentity&) const = default;
};

enum class Access : std::uint8_t { read_write, read_only, write_only };

// bad_handle when the number is not open.
Result<FileIdentity> identity_of(int fd);
Result<Access> access_of(int fd);

// A new holder of the object: close-on-exec, locked shared.
Result<Fd> new_handle(const Fd& memfd, Access access = Access::read_write);

// Whether any handle made by new_handle is still open somewhere.
bool is_held(const Fd& memfd);

} // namespace skep::os
