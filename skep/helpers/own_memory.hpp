// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Which addresses a program may name freely: its own memory, and nothing of the
// process.
//
// bpf_probe_read and the %s of printing take any number as an address. In the kernel that reads
// kernel memory, which is the kernel's decision to allow; here it would read the engine. So only
// the packet, the program's maps and the frame of the function that calls the helper are readable,
// and everything else answers as an address that faults. Between the frames of compiled code lies
// what is the engine's: hence the caller's frame alone.
//
// Proved by: memory_test.cpp, tests/engines/own_stack_test.cpp.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "skep/helpers/invocation.hpp"
#include "skep/spec/helpers.hpp"

namespace skep::helpers {

// Helpers that are given an address which nobody proved. Before it calls one, the engine says in
// Invocation::stack where the calling function's frame is.
constexpr bool reads_any_address(std::int32_t helper) {
    using spec::Helper;
    constexpr std::array kThey{
        Helper::probe_read,          Helper::probe_read_str,    Helper::probe_read_user,
        Helper::probe_read_user_str, Helper::probe_read_kernel, Helper::probe_read_kernel_str,
        Helper::trace_printk,        Helper::trace_vprintk,     Helper::snprintf};
    return std::any_of(kThey.begin(), kThey.end(),
                       [helper](Helper one) { return number_of(one) == helper; });
}

bool may_read(const Invocation& invocation, std::uint64_t address, std::uint64_t size_bytes);

// Copies a text up to and with its zero, or size_bytes - 1 bytes and a zero: the bytes written, or
// -EFAULT when it leaves the program's memory before. Nothing is written for a size of 0.
std::int64_t copy_own_text(const Invocation& invocation, char* to, std::uint32_t size_bytes,
                           std::uint64_t address);

} // namespace skep::helpers
