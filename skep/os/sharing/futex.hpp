// SPDX-License-Identifier: Apache-2.0
//
// Waiting for a word in shared memory to change, across processes.
#pragma once

#include <atomic>
#include <cstdint>

namespace skep::os {

// Returns when woken, when the word no longer holds `seen`, or after the time given (0: for ever).
void wait_while_equal(const std::atomic<std::uint32_t>& word, std::uint32_t seen,
                      std::uint64_t timeout_ns);
void wake_all(const std::atomic<std::uint32_t>& word);

} // namespace skep::os
