// SPDX-License-Identifier: Apache-2.0
//
// KernelNeed: one thing that a program needs of a kernel, and the version that brought it.
#pragma once

#include <cstdint>
#include <string>

#include "skep/bytecode/insn.hpp"

namespace skep::verify {

struct KernelNeed {
    std::uint32_t since = 0; // as in LINUX_VERSION_CODE
    std::string feature;     // "helper bpf_ringbuf_reserve", "map type ringbuf", "loops"
    InsnIndex insn;          // the first instruction that needs it; 0 for the program as a whole
};

} // namespace skep::verify
