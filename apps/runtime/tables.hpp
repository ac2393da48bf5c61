// SPDX-License-Identifier: Apache-2.0
//
// Numbers for programs and maps: slots of program arrays and of maps of maps hold numbers, not
// addresses. A number is never given twice while the process lives, so that a slot which outlives
// what it named names nothing, and nothing else.
//
// Finding what a number stands for is data plane: one look into a table that never moves. Giving
// numbers is control plane, under a lock.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>

#include "apps/runtime/skep_runtime.h"
#include "skep/maps/map.hpp"

namespace skep::runtime {

class Tables {
  public:
    // The number of this program, a new one for a new program; nothing when there are too many.
    std::optional<std::uint32_t> number_of(const skep_program& program);
    std::optional<std::uint32_t> number_of(maps::Map& map);
    [[nodiscard]] const skep_program* program(std::uint32_t number) const;
    [[nodiscard]] maps::Map* map(std::uint32_t number) const;
    // The map is about to go: its number names nothing from now on.
    void forget(const maps::Map& map);

  private:
    static constexpr std::uint32_t kProgramsMost = 4096;
    static constexpr std::uint32_t kMapsMost = 65536;

    std::mutex lock_;
    std::array<skep_program, kProgramsMost> programs_{};
    std::atomic<std::uint32_t> program_count_ = 0;
    std::array<std::atomic<maps::Map*>, kMapsMost> maps_{};
    std::uint32_t map_count_ = 0;
};

// Of the process: what C code names has no other home.
Tables& tables();

} // namespace skep::runtime
