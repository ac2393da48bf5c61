// SPDX-License-Identifier: Apache-2.0
#include "skep/os/sharing/futex.hpp"

#include <climits>
#include <ctime>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace skep::os {

void wait_while_equal(const std::atomic<std::uint32_t>& word, std::uint32_t seen,
                      std::uint64_t timeout_ns) {
    constexpr std::uint64_t kSecond = 1'000'000'000;
    const timespec timeout{static_cast<time_t>(timeout_ns / kSecond),
                           static_cast<long>(timeout_ns % kSecond)};
    ::syscall(SYS_futex, &word, FUTEX_WAIT, seen, timeout_ns == 0 ? nullptr : &timeout, nullptr, 0);
}

void wake_all(const std::atomic<std::uint32_t>& word) {
    ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

} // namespace skep::os
