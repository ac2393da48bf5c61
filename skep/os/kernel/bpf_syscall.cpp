// SPDX-License-Identifier: Apache-2.0
#include "skep/os/kernel/bpf_syscall.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace skep::os {

namespace {

constexpr long kBpffsMagic = 0xcafe4a11;

#ifndef __NR_bpf
#error "this machine's headers know no bpf(2)"
#endif

} // namespace

long bpf_syscall(std::uint32_t command, void* attributes, std::uint32_t size_bytes) {
    long answer = 0;
    // Verification answers EAGAIN when a signal broke it off; a few repeats, as it may recur.
    for (int attempt = 0; attempt < 5; ++attempt) {
        answer = syscall(__NR_bpf, command, attributes, size_bytes);
        if (answer >= 0 || (errno != EAGAIN && errno != EINTR)) {
            break;
        }
    }
    return answer >= 0 ? answer : -static_cast<long>(errno);
}

bool has_capability(Capability capability) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("CapEff:")) {
            std::uint64_t mask = 0;
            const std::size_t digits = line.find_first_not_of(" \t", 7);
            if (digits != std::string::npos) {
                std::from_chars(line.data() + digits, line.data() + line.size(), mask, 16);
            }
            return (mask >> static_cast<unsigned>(capability) & 1U) != 0;
        }
    }
    return false;
}

std::string_view name_of(Capability capability) {
    switch (capability) {
    case Capability::net_admin:
        return "CAP_NET_ADMIN";
    case Capability::net_raw:
        return "CAP_NET_RAW";
    case Capability::sys_admin:
        return "CAP_SYS_ADMIN";
    case Capability::perfmon:
        return "CAP_PERFMON";
    case Capability::bpf:
        return "CAP_BPF";
    }
    return "a capability";
}

Result<std::optional<std::uint64_t>> fdinfo_number(int fd, std::string_view key) {
    std::ifstream lines(fmt::format("/proc/self/fdinfo/{}", fd));
    if (!lines) {
        return error_from_errno(errno, "/proc/self/fdinfo");
    }
    for (std::string line; std::getline(lines, line);) {
        if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ':') {
            const std::size_t digits = line.find_first_not_of(" \t", key.size() + 1);
            std::uint64_t number = 0;
            if (digits != std::string::npos) {
                std::from_chars(line.data() + digits, line.data() + line.size(), number);
            }
            return std::optional(number);
        }
    }
    return std::optional<std::uint64_t>();
}

Result<std::string> link_target(const std::string& path) {
    std::error_code error;
    std::string target = std::filesystem::read_symlink(path, error).string();
    return error ? Result<std::string>(error_from_errno(error.value(), path))
                 : Result<std::string>(target);
}

Result<bool> lies_in_bpffs(const std::string& path) {
    struct statfs facts = {};
    if (statfs(path.c_str(), &facts) == 0) {
        return facts.f_type == kBpffsMagic;
    }
    const std::string parent = std::filesystem::path(path).parent_path().string();
    if (statfs(parent.empty() ? "." : parent.c_str(), &facts) != 0) {
        return error_from_errno(errno, parent.empty() ? "." : parent);
    }
    return facts.f_type == kBpffsMagic;
}

Result<void> mount_bpffs(const std::string& directory) {
    if (mount("bpf", directory.c_str(), "bpf", 0, "mode=0700") != 0) {
        return error_from_errno(errno, fmt::format("mounting a BPF file system on {}", directory));
    }
    return {};
}

Result<bool> is_empty_directory(const std::string& directory) {
    std::error_code error;
    const bool is_empty = std::filesystem::is_empty(directory, error);
    return error ? Result<bool>(error_from_errno(error.value(), directory))
                 : Result<bool>(is_empty);
}

Result<void> make_directory(const std::string& path) {
    if (mkdir(path.c_str(), 0700) != 0) {
        return error_from_errno(errno, path);
    }
    return {};
}

void remove_empty_directory(const std::string& path) { rmdir(path.c_str()); }

std::vector<std::string> files_below(const std::string& directory, std::size_t limit) {
    std::vector<std::string> paths;
    std::error_code error;
    const auto options = std::filesystem::directory_options::skip_permission_denied;
    std::filesystem::recursive_directory_iterator at(directory, options, error);
    for (; !error && at != std::filesystem::recursive_directory_iterator() && paths.size() < limit;
         at.increment(error)) {
        std::error_code ignored;
        if (at->is_regular_file(ignored)) {
            paths.push_back(at->path().string());
        }
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

} // namespace skep::os
