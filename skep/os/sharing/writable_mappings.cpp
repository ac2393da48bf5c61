// SPDX-License-Identifier: Apache-2.0
#include "skep/os/sharing/writable_mappings.hpp"

#include <algorithm>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <sys/sysmacros.h>
#include <unistd.h>

namespace skep::os {
namespace {

// One line: "begin-end rwxs offset major:minor inode path".
struct MappingLine {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    bool writes_shared = false;
    FileIdentity file;
};

bool read_line(const std::string& line, MappingLine& mapping) {
    char permissions[5] = {};
    unsigned int major = 0;
    unsigned int minor = 0;
    std::uint64_t inode = 0;
    const int fields = std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %4s %*x %x:%x %" SCNu64,
                                   &mapping.begin, &mapping.end, permissions, &major, &minor,
                                   &inode); // NOLINT: bounded, and counted
    mapping.writes_shared = permissions[1] == 'w' && permissions[3] == 's';
    mapping.file = {::makedev(major, minor), inode};
    constexpr int kFields = 6;
    return fields == kFields;
}

bool maps_it(int process, FileIdentity file, std::uint64_t left_out) {
    std::ifstream lines("/proc/" + std::to_string(process) + "/maps");
    for (std::string line; std::getline(lines, line);) {
        MappingLine mapping;
        if (read_line(line, mapping) && mapping.writes_shared && mapping.file == file &&
            (left_out < mapping.begin || left_out >= mapping.end)) {
            return true;
        }
    }
    return false;
}

} // namespace

bool is_mapped_to_write(FileIdentity file, std::span<const int> other_than,
                        const void* own_address) {
    const int own = ::getpid();
    std::error_code error;
    for (auto entry = std::filesystem::directory_iterator("/proc", error);
         !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        const std::string name = entry->path().filename();
        int process = 0;
        const auto [end, wrong] = std::from_chars(name.data(), name.data() + name.size(), process);
        const bool is_number = wrong == std::errc() && end == name.data() + name.size();
        const bool is_left_out =
            std::find(other_than.begin(), other_than.end(), process) != other_than.end();
        const auto left_out = process == own ? reinterpret_cast<std::uintptr_t>(own_address) : 0;
        if (is_number && !is_left_out && maps_it(process, file, left_out)) {
            return true;
        }
    }
    return false;
}

} // namespace skep::os
