// SPDX-License-Identifier: Apache-2.0
//
// What a verification cost, in the numbers the kernel's log ends with.
#pragma once

#include <cstdint>

namespace skep::verify {

struct Statistics {
    std::uint64_t insns_processed = 0;
    std::uint64_t max_states_per_insn = 0;
    std::uint64_t total_states = 0;
    std::uint64_t peak_states = 0;
    std::uint64_t memory_bytes = 0; // peak of what the exploration held
};

} // namespace skep::verify
