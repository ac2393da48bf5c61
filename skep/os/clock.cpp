// SPDX-License-Identifier: Apache-2.0
#include "skep/os/clock.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace skep::os {
namespace {

constexpr std::uint64_t kNanosecondsInSecond = 1'000'000'000;
// What distributions build for; the ticks of user space (USER_HZ) are another number.
constexpr std::uint64_t kTicksInSecond = 250;
constexpr std::uint64_t kSecondsCountedBeforeBoot = 300;

clockid_t system_clock(Clock clock) {
    constexpr std::array<clockid_t, 4> kClocks{CLOCK_MONOTONIC, CLOCK_BOOTTIME,
                                               CLOCK_MONOTONIC_COARSE, CLOCK_TAI};
    return kClocks[static_cast<std::size_t>(clock)];
}

} // namespace

std::uint64_t clock_ns(Clock clock) {
    timespec now{};
    ::clock_gettime(system_clock(clock), &now);
    return static_cast<std::uint64_t>(now.tv_sec) * kNanosecondsInSecond +
           static_cast<std::uint64_t>(now.tv_nsec);
}

std::uint64_t jiffies() {
    // The kernel begins at a 32-bit -300 seconds, so that a wrap shows early.
    const std::uint64_t first =
        (std::uint64_t{1} << 32) - kSecondsCountedBeforeBoot * kTicksInSecond;
    return first + clock_ns(Clock::monotonic_coarse) / (kNanosecondsInSecond / kTicksInSecond);
}

std::uint64_t process_and_thread_id() {
    const auto process = static_cast<std::uint64_t>(::getpid());
    return (process << 32) | static_cast<std::uint64_t>(::syscall(SYS_gettid));
}

std::uint64_t user_and_group_id() {
    return (static_cast<std::uint64_t>(::getgid()) << 32) | ::getuid();
}

void thread_name(char* name, std::uint32_t size_bytes) {
    char whole[16] = {};
    ::prctl(PR_GET_NAME, whole);
    const std::uint32_t size = std::min<std::uint32_t>(size_bytes, sizeof whole);
    std::memcpy(name, whole, size);
    name[size - 1] = '\0';
}

} // namespace skep::os
