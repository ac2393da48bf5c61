// SPDX-License-Identifier: Apache-2.0
//
// Programs and maps by id, as one process that runs programs knows them.
//
// Slots of program arrays and maps of maps hold ids; a run resolves them here. Looking up is data
// plane: it takes no lock and may happen on any thread. Adding and removing is control plane, on
// one thread. What is removed stays in memory until nobody can be in the middle of using it: the
// owner says when by calling reclaim() while no program runs.
//
// Proved by: program_table_test.cpp.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "skep/base/result.hpp"
#include "skep/helpers/invocation.hpp"
#include "skep/maps/map.hpp"
#include "skep/os/trace_ring.hpp"
#include "skep/run/executable.hpp"
#include "skep/run/jit/image.hpp"
#include "skep/verify/verified_program.hpp"
#include "skep/workers/run_stats.hpp"

namespace skep::workers {

// Things by id, in pages that appear when they are needed. Readers see a thing or null.
template <class T>
class IdTable {
  public:
    [[nodiscard]] T* find(std::uint32_t id) const {
        const Page* page =
            id < kLimit ? pages_[id / kPageEntries].load(std::memory_order_acquire) : nullptr;
        return page == nullptr ? nullptr
                               : (*page)[id % kPageEntries].load(std::memory_order_acquire);
    }
    // False when ids have grown beyond what a process can hold.
    bool set(std::uint32_t id, T* thing) {
        if (id >= kLimit) {
            return false;
        }
        auto& place = pages_[id / kPageEntries];
        Page* page = place.load(std::memory_order_relaxed);
        if (page == nullptr) {
            owned_.push_back(std::make_unique<Page>());
            page = owned_.back().get();
            place.store(page, std::memory_order_release);
        }
        (*page)[id % kPageEntries].store(thing, std::memory_order_release);
        return true;
    }

  private:
    static constexpr std::uint32_t kPageEntries = 1024;
    static constexpr std::uint32_t kPages = 4096;
    static constexpr std::uint32_t kLimit = kPageEntries * kPages;
    using Page = std::array<std::atomic<T*>, kPageEntries>;
    std::array<std::atomic<Page*>, kPages> pages_{};
    std::vector<std::unique_ptr<Page>> owned_;
};

// A program that ran often, for whoever makes better code of it.
struct HotProgram {
    std::uint32_t id = 0;
    std::shared_ptr<const verify::VerifiedProgram> program;
    run::Binding binding;
};

class ProgramTable {
  public:
    // Lines of bpf_printk go to `ring`, run counts to `stats`; both may be null and must outlive
    // this.
    ProgramTable(const os::TraceRing* ring, const RunStats* stats);
    ~ProgramTable();
    ProgramTable(const ProgramTable&) = delete;
    ProgramTable& operator=(const ProgramTable&) = delete;

    // A map that this table owns from now on, or one that somebody else keeps while it is known
    // here.
    Result<void> add_map(std::uint32_t id, std::unique_ptr<maps::Map> map);
    Result<void> lend_map(std::uint32_t id, maps::Map& map);
    // Binds the program to maps that are known already, by the index its instructions carry.
    Result<void> add_program(std::uint32_t id,
                             std::shared_ptr<const verify::VerifiedProgram> program,
                             const std::vector<std::uint32_t>& map_ids);
    // From the next run on, the interpreter runs the program and counts in this memory
    // (profile.hpp); no longer, after stopping. A program has one such memory as long as it is
    // known here: the one that its first profile came with.
    Result<void> start_profile(std::uint32_t id, const os::Fd& counts);
    void stop_profile(std::uint32_t id);
    // The next program that ran often since it came; each once. Control plane, as what follows.
    std::optional<HotProgram> take_hot();
    // From the next run on, this code runs; what was there is freed by reclaim(). Nothing happens
    // when the program has gone away.
    Result<void> install_optimised(const HotProgram& hot, run::jit::Image image);
    void remove_map(std::uint32_t id);
    void remove_program(std::uint32_t id);
    // Frees what was removed. Only while no program runs in this process.
    void reclaim();

    // The program as it is entered from outside: it counts its runs. Null when unknown.
    [[nodiscard]] run::Executable* entry(std::uint32_t id) const;
    [[nodiscard]] const verify::VerifiedProgram* verified(std::uint32_t id) const;
    // The maps that the program is bound to, by the index its instructions carry.
    [[nodiscard]] std::vector<maps::Map*> maps_of(std::uint32_t id) const;
    [[nodiscard]] bool has_map(std::uint32_t id) const { return maps_.find(id) != nullptr; }
    [[nodiscard]] const helpers::Services& services() const { return services_; }

  private:
    struct Program;
    struct Profiling;

    static void tell_names(Program& program);
    static void trace(void* owner, helpers::Invocation& invocation, const char* text,
                      std::uint32_t size);
    static std::uint64_t clock_ns(void* owner, int clock_id);
    static maps::Map* map_by_id(void* owner, std::uint32_t id);
    static void* program_by_id(void* owner, std::uint32_t id);
    static bool run_program(void* owner, std::uint32_t id, helpers::Invocation& invocation,
                            std::uint64_t* result);

    helpers::Services services_;
    const os::TraceRing* ring_;
    const RunStats* stats_;
    IdTable<maps::Map> maps_;
    IdTable<Program> programs_;
    std::map<std::uint32_t, std::unique_ptr<maps::Map>> owned_maps_;
    std::map<std::uint32_t, std::unique_ptr<Program>> owned_programs_;
    std::vector<std::unique_ptr<maps::Map>> removed_maps_;
    std::vector<std::unique_ptr<Program>> removed_programs_;
    std::vector<std::unique_ptr<run::Executable>> removed_executables_;
    std::atomic<bool> some_ran_often_{false};
};

} // namespace skep::workers
