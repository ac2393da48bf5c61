// SPDX-License-Identifier: Apache-2.0
#include "skep/os/machine.hpp"

#include <cstdlib>
#include <ctime>
#include <fstream>

#include <sys/auxv.h>
#include <unistd.h>

namespace skep::os {
namespace {

std::string first_line(const char* path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

} // namespace

bool has_large_atomics() {
#if defined(__aarch64__)
    return (::getauxval(AT_HWCAP) & HWCAP_ATOMICS) != 0;
#else
    return false;
#endif
}

std::uint64_t clock_ns(int clock_id) {
    timespec time{};
    if (::clock_gettime(clock_id, &time) != 0) {
        return 0;
    }
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(time.tv_nsec);
}

std::uint64_t boot_time_ns() { return clock_ns(CLOCK_BOOTTIME); }
std::uint64_t steady_time_ns() { return clock_ns(CLOCK_MONOTONIC); }

std::string kernel_release() { return first_line("/proc/sys/kernel/osrelease"); }

std::uint32_t possible_cpus() {
    // "0-7", or "0-3,8-11": the last number is the highest CPU that may ever come up.
    const std::string line = first_line("/sys/devices/system/cpu/possible");
    const std::size_t last = line.find_last_of("-,");
    const std::string number = last == std::string::npos ? line : line.substr(last + 1);
    const unsigned long highest = number.empty() ? 0 : std::strtoul(number.c_str(), nullptr, 10);
    if (number.empty()) {
        const long configured = ::sysconf(_SC_NPROCESSORS_CONF);
        return configured > 0 ? static_cast<std::uint32_t>(configured) : 1;
    }
    return highest < 65536 ? static_cast<std::uint32_t>(highest) + 1 : 1;
}

std::uint32_t user_id() { return ::getuid(); }
std::uint32_t process_id() { return static_cast<std::uint32_t>(::getpid()); }

std::string boot_id() { return first_line("/proc/sys/kernel/random/boot_id"); }

std::string environment_variable(const std::string& name) {
    const char* value = std::getenv(name.c_str()); // NOLINT: nothing here sets variables
    return value == nullptr ? std::string() : std::string(value);
}

} // namespace skep::os
