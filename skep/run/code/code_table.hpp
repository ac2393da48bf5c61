// SPDX-License-Identifier: Apache-2.0
//
// The table of code ranges: the one global of this house.
//
// A signal handler is given no argument, so what it must know has to lie where it can find it:
// which addresses hold generated code, and which handlers were there before ours. The ranges are
// read without a lock by the handler; everything else belongs to the control plane and is under the
// mutex.
//
//   region   0            64 KiB                                     256 KiB
//   ┌───────┬────────────┬──────────┬───────────────────────────────┬───────┐
//   │ guard │ image A    │ image B  │ free, untouchable             │ guard │
//   └───────┴────────────┴──────────┴───────────────────────────────┴───────┘
//
// Images lie in regions on multiples of 64 bytes; a page may hold several.
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
    struct Hole {
        std::size_t offset = 0;
        std::size_t size = 0;
    };
    os::ExecutableReservation pages;
    std::size_t slot = 0;                      // in CodeTable::ranges
    std::vector<Hole> holes;                   // rising, never adjacent
    std::vector<std::uint16_t> images_on_page; // live images that touch the page
};

struct CodeTable {
    std::array<CodeRange, kMaxRegions> ranges;
    std::atomic<std::size_t> ranges_used{0}; // slots from 0 that were ever used

    std::atomic<bool> handles_faults{false};
    os::PreviousHandlers previous_handlers{};

    std::mutex mutex; // over what follows, and over changes to what stands above
    std::vector<Region> regions;

    // Whether generated code lies at this address. Safe in a signal handler.
    [[nodiscard]] bool holds(std::uintptr_t address) const;
};

// Never destroyed: code may run until the process ends.
CodeTable& code_table();

} // namespace skep::run::code
