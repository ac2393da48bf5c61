// SPDX-License-Identifier: Apache-2.0
//
// The system call bpf(2) itself, and the places of the running kernel that belong to it: what
// privileges this process has, what fdinfo says about a descriptor, the BPF file system.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "skep/base/result.hpp"
#include "skep/os/fd.hpp"

namespace skep::os {

// As the system call: >= 0, or a negative errno. Repeats what a signal interrupted.
long bpf_syscall(std::uint32_t command, void* attributes, std::uint32_t size_bytes);

// Capabilities that BPF asks for.
enum class Capability : std::uint8_t {
    net_admin = 12,
    net_raw = 13,
    sys_admin = 21,
    perfmon = 38,
    bpf = 39
};
bool has_capability(Capability capability); // in the effective set
std::string_view name_of(Capability capability);

// A line `key:<tab>number` of /proc/self/fdinfo/FD.
Result<std::optional<std::uint64_t>> fdinfo_number(int fd, std::string_view key);

// Where a symbolic link points: what /proc/self/fd/N calls a descriptor's file.
Result<std::string> link_target(const std::string& path);

// Whether the path (or, when it does not exist yet, its directory) lies in a BPF file system.
Result<bool> lies_in_bpffs(const std::string& path);
Result<void> mount_bpffs(const std::string& directory);
Result<bool> is_empty_directory(const std::string& directory);
Result<void> make_directory(const std::string& path); // mode 0700; error exists when it is there
void remove_empty_directory(const std::string& path);

// Paths of all regular files below a directory, by name, bounded; nothing when it cannot be read.
std::vector<std::string> files_below(const std::string& directory, std::size_t limit);

} // namespace skep::os
