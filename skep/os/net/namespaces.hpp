// SPDX-License-Identifier: Apache-2.0
//
// Namespaces: a network and a view of the file system of one's own, so that what is attached,
// pinned and mounted there touches nothing of the machine's and ends with the process.
#pragma once

#include <string>

#include "skep/base/result.hpp"

namespace skep::os {

// From now on this process and its children have a network of their own (loopback only, down) and
// a private copy of the mounts. Needs CAP_SYS_ADMIN; not for a process with several threads.
Result<void> enter_own_network_and_mounts();

// Mounts a file system of this type ("bpf", "tracefs") on an existing directory.
Result<void> mount_filesystem(const std::string& type, const std::string& directory);

// Whether a file system of that type is mounted there.
bool is_bpf_filesystem(const std::string& directory);
bool is_trace_filesystem(const std::string& directory);

// What a descriptor stands for, by the file system it is of.
bool is_network_namespace(int fd);
bool is_control_group(int fd); // of the second version

bool is_root();

} // namespace skep::os
