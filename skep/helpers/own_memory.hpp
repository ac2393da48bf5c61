// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Which addresses a program may name freely: its own memory, and nothing of the
// process.
//
// bpf_probe_read and the %s of printing take any number as an address. In the kernel that reads
// kernel memory, which is the kernel's decision to allow; here it would read the engine. So only
// the stack of this run, the packet and the program's maps are readable, and everything else
// answers as an address that faults.
#pragma once

#include <cstdint>

#include "skep/helpers/invocation.hpp"

namespace skep::helpers {

bool may_read(const Invocation& invocation, std::uint64_t address, std::uint64_t size_bytes);

// Copies a text up to and with its zero, or size_bytes - 1 bytes and a zero: the bytes written, or
// -EFAULT when it leaves the program's memory before. Nothing is written for a size of 0.
std::int64_t copy_own_text(const Invocation& invocation, char* to, std::uint32_t size_bytes,
                           std::uint64_t address);

} // namespace skep::helpers
