// SPDX-License-Identifier: Apache-2.0
//
// The machine as a process finds it: its clock, its CPUs, who it runs as.
#pragma once

#include <cstdint>
#include <string>

#include "skep/base/result.hpp"

namespace skep::os {

// Nanoseconds since boot, sleep included (CLOCK_BOOTTIME), and on the steady clock.
std::uint64_t boot_time_ns();
std::uint64_t steady_time_ns();
// By the number of a clock of the system (CLOCK_MONOTONIC is 1); 0 for one that does not exist.
std::uint64_t clock_ns(int clock_id);

// CPUs that may ever come up, as clients that size per-CPU values count them; at least 1.
std::uint32_t possible_cpus();

// Whether the processor has the large system extensions of arm64: atomic operations that are one
// instruction. False on other machines.
bool has_large_atomics();

std::uint32_t user_id();
std::uint32_t process_id();

// "6.18.44-1-amd64"; empty when the machine does not tell.
std::string kernel_release();

// A number that is different after each boot, as text; empty when the machine does not tell.
std::string boot_id();

// A variable of the environment, empty when it is not set.
std::string environment_variable(const std::string& name);

} // namespace skep::os
