// SPDX-License-Identifier: Apache-2.0
//
// The table of code ranges: the one global of this house.
//
// A signal handler is given no argument, so what it must know has to lie where it can find it:
// which addresses hold generated code, and which handlers were there before ours. The ranges are
// read without a lock by the handler; everything else belongs to the control plane and is under the
// mutex.
//
//   region   0         4 KiB     8 KiB     12 KiB                      256 KiB
//   ┌───────┬─────────┬─────────┬─────────┬───────────────────────────┬───────┐
//   │ guard │ image A │ image B, two pages│ free: open, not executable│ guard │
//   └───────┴─────────┴─────────┴─────────┴───────────────────────────┴───────┘
//
// An image has pages of its own, so that placing one is a single change of permissions, of memory
// in which nobody runs yet. Images begin on multiples of 64 bytes, small ones at different
// distances from their page's beginning: else all of them would lie in the same few sets of the
// cache.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "skep/os/guard/executable_memory.hpp"
#include "skep/os/guard/faults.hpp"

namespace skep::run::code {

inline constexpr std::size_t kMaxRegions = 4096;
inline constexpr std::size_t kRegionBytes = 256U << 10;
inline constexpr std::size_t kImageAlignment = 64;

// Half open. A slot with end == 0 is free.
struct CodeRange {
    std::atomic<std::uintptr_t> begin{0};
    std::atomic<std::uintptr_t> end{0};
};

struct Region {
    os::ExecutableReservation pages;
    std::size_t slot = 0;            // in CodeTable::ranges
    std::vector<std::uint8_t> taken; // by page: part of an image
    std::size_t free_pages = 0;
};

struct CodeTable {
    std::array<CodeRange, kMaxRegions> ranges;
    std::atomic<std::size_t> ranges_used{0}; // slots from 0 that were ever used

    std::atomic<bool> handles_faults{false};
    os::PreviousHandlers previous_handlers{};

    std::mutex mutex; // over what follows, and over changes to what stands above
    std::vector<Region> regions;
    std::size_t placed = 0; // images so far

    // Whether generated code lies at this address. Safe in a signal handler.
    [[nodiscard]] bool holds(std::uintptr_t address) const;
};

// Never destroyed: code may run until the process ends.
CodeTable& code_table();

} // namespace skep::run::code
