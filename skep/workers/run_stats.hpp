// SPDX-License-Identifier: Apache-2.0
//
// Data plane, but for making it. How often programs ran and how long, in memory that a worker
// writes and the control process reads. Counting is switched on and off for all programs at once,
// as in the kernel, so that runs cost nothing extra while nobody looks.
//
// One table for each worker. An entry belongs to a program from its first counted run on; when the
// table is full further programs are not counted. Reader and writer agree on nothing but atomics.
#pragma once

#include <atomic>
#include <cstdint>

#include "skep/base/result.hpp"
#include "skep/os/memory.hpp"

namespace skep::workers {

struct ProgramRuns {
    std::uint64_t runs = 0;
    std::uint64_t time_ns = 0;
};

class RunStats {
  public:
    static constexpr std::uint32_t kPrograms = 1024;

    struct Entry {
        std::atomic<std::uint32_t> program_id;
        std::atomic<std::uint64_t> runs;
        std::atomic<std::uint64_t> time_ns;
    };

    static Result<RunStats> create();
    static Result<RunStats> open(os::Fd memfd);

    [[nodiscard]] const os::Fd& fd() const { return fd_; }
    [[nodiscard]] bool is_counting() const {
        return table().counting.load(std::memory_order_relaxed) != 0;
    }
    void set_counting(bool on) const {
        table().counting.store(on ? 1 : 0, std::memory_order_relaxed);
    }

    // The program's entry, taken when it has none; null when the table is full. For the writer.
    [[nodiscard]] Entry* entry_of(std::uint32_t program_id) const;
    [[nodiscard]] ProgramRuns runs_of(std::uint32_t program_id) const;
    template <class See>
    void for_each(See see) const {
        for (const Entry& entry : table().entries) {
            if (const std::uint32_t id = entry.program_id.load(std::memory_order_relaxed);
                id != 0) {
                see(id, ProgramRuns{entry.runs.load(std::memory_order_relaxed),
                                    entry.time_ns.load(std::memory_order_relaxed)});
            }
        }
    }

  private:
    struct Table {
        std::atomic<std::uint32_t> counting;
        Entry entries[kPrograms];
    };
    RunStats(os::Fd fd, os::Mapping mapping) : fd_(std::move(fd)), mapping_(std::move(mapping)) {}
    [[nodiscard]] Table& table() const {
        return *reinterpret_cast<Table*>(mapping_.data());
    } // NOLINT: our layout

    os::Fd fd_;
    os::Mapping mapping_;
};

} // namespace skep::workers
