// SPDX-License-Identifier: Apache-2.0
//
// Working memory: what a compilation needs while it runs and nobody after it.
//
// A dozen lists, each by slot or with a few entries. Asking the heap for each and giving each back
// was an eighth of the time that a short program takes; so they lie one behind another in a piece
// of stack, then in ever larger pieces of the heap, and all go away together.
#pragma once

#include <array>
#include <cstddef>
#include <memory_resource>
#include <vector>

namespace skep::run::jit {

template <class T>
using WorkList = std::pmr::vector<T>;

class WorkingMemory {
  public:
    WorkingMemory() : lists_(room_.data(), room_.size()) {} // NOLINT: the room is not read
    WorkingMemory(const WorkingMemory&) = delete;
    WorkingMemory& operator=(const WorkingMemory&) = delete;

    [[nodiscard]] std::pmr::memory_resource* lists() { return &lists_; }

  private:
    static constexpr std::size_t kRoomBytes = std::size_t{24} << 10; // some three hundred slots
    alignas(std::max_align_t) std::array<std::byte, kRoomBytes> room_;
    std::pmr::monotonic_buffer_resource lists_;
};

} // namespace skep::run::jit
