// SPDX-License-Identifier: Apache-2.0
//
// The clocks of the machine that programs can read, in nanoseconds.
#pragma once

#include <cstdint>

namespace skep::os {

enum class Clock : std::uint8_t {
    monotonic,        // since boot, without sleep
    boot,             // since boot
    monotonic_coarse, // the same as of the last timer tick, cheaper
    tai,              // international atomic time
};

std::uint64_t clock_ns(Clock clock);

// Timer ticks, counted as the kernel counts its jiffies_64: from five minutes before the boot.
std::uint64_t jiffies();

// Who runs this thread.
std::uint64_t process_and_thread_id(); // process << 32 | thread, as programs are given it
std::uint64_t user_and_group_id();     // group << 32 | user
// The thread's name with its zero; `size_bytes` at least 1, at most 16 are written.
void thread_name(char* name, std::uint32_t size_bytes);

} // namespace skep::os
