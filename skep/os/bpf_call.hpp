// SPDX-License-Identifier: Apache-2.0
//
// bpf(2) of the running kernel, bare: for the kernel transport, and for tests that ask the oracle.
#pragma once

#include <cstdint>

namespace skep::os {

// The result, or a negative errno.
long bpf_call(int command, void* attributes, std::uint32_t size_bytes);

} // namespace skep::os
