// SPDX-License-Identifier: Apache-2.0
#include "skep/workers/run_stats.hpp"

namespace skep::workers {

Result<RunStats> RunStats::create() {
    return open(TRY(os::make_memfd("skep-runs", sizeof(Table))));
}

Result<RunStats> RunStats::open(os::Fd memfd) {
    if (TRY(os::size_of(memfd)) < sizeof(Table)) {
        return fail(Code::invalid_input, "the memory for run counts is too small");
    }
    os::Mapping mapping = TRY(os::Mapping::of(memfd, sizeof(Table), os::Protection::read_write));
    return RunStats(std::move(memfd), std::move(mapping));
}

RunStats::Entry* RunStats::entry_of(std::uint32_t program_id) const {
    for (Entry& entry : table().entries) {
        std::uint32_t owner = entry.program_id.load(std::memory_order_relaxed);
        if (owner == 0 && entry.program_id.compare_exchange_strong(owner, program_id)) {
            return &entry;
        }
        if (owner == program_id) {
            return &entry;
        }
    }
    return nullptr;
}

ProgramRuns RunStats::runs_of(std::uint32_t program_id) const {
    for (const Entry& entry : table().entries) {
        const std::uint32_t owner = entry.program_id.load(std::memory_order_relaxed);
        if (owner == program_id) {
            return {entry.runs.load(std::memory_order_relaxed),
                    entry.time_ns.load(std::memory_order_relaxed)};
        }
        if (owner == 0) {
            break;
        }
    }
    return {};
}

} // namespace skep::workers
