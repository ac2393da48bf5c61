// SPDX-License-Identifier: Apache-2.0
//
// How often each instruction of one program is carried out, in memory that workers write and
// whoever asked for the profile reads.
//
//   u64 for each running instruction (the second slot of a wide immediate stays 0), u64 runs
//
// Several workers may count into the same memory: it holds atomics and nothing else, and its size
// is sealed. The numbers only rise, from one profile of a program to the next: a reader takes what
// was there before away. Reading what another process is writing gives numbers of nearly one
// moment.
//
// Proved by: program_table_test.cpp, tests/journeys/run_profile.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "skep/base/result.hpp"
#include "skep/os/memory.hpp"

namespace skep::workers {

class ProfileCounts {
  public:
    using Count = std::atomic<std::uint64_t>;

    // The memory, for a program with so many slots.
    static Result<os::Fd> create(std::size_t slots) {
        return os::make_memfd("bpf-profile", bytes_for(slots));
    }
    static Result<ProfileCounts> open(const os::Fd& memfd, std::size_t slots,
                                      os::Protection protection) {
        if (TRY(os::size_of(memfd)) < bytes_for(slots)) {
            return fail(Code::invalid_input, "the memory for counts is too small");
        }
        ProfileCounts counts;
        counts.mapping_ = TRY(os::Mapping::of(memfd, bytes_for(slots), protection));
        counts.slots_ = slots;
        return counts;
    }

    [[nodiscard]] std::span<Count> insns() const { return {first(), slots_}; }
    [[nodiscard]] Count& runs() const { return first()[slots_]; }

  private:
    static std::size_t bytes_for(std::size_t slots) { return (slots + 1) * sizeof(Count); }
    [[nodiscard]] Count* first() const {
        return reinterpret_cast<Count*>(mapping_.data()); // NOLINT: our layout
    }

    os::Mapping mapping_;
    std::size_t slots_ = 0;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

} // namespace skep::workers
