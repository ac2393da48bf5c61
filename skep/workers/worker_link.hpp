// SPDX-License-Identifier: Apache-2.0
//
// WorkerLink: a worker process as the control process sees it.
//
// Orders that take no time (add, remove, exchange, start) are waited for, at most kPatienceMs: a
// worker that does not answer by then is broken, and its owner lets it go. A test run is only
// begun; its report comes when it comes. Letting go of a link kills the worker, if it is not dead
// already.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "skep/datapath/port_counters.hpp"
#include "skep/maps/map.hpp"
#include "skep/os/process/service_process.hpp"
#include "skep/os/trace_ring.hpp"
#include "skep/run/optimised/compiler_process.hpp"
#include "skep/workers/protocol.hpp"
#include "skep/workers/run_stats.hpp"

namespace skep::workers {

// What a worker reported when it was listened to.
struct Heard {
    bool run_ended = false; // the test run; its answer, or why there is none
    TestRunAnswer answer;
    Error failure;
    [[nodiscard]] bool failed() const { return !failure.message.empty(); }
};

class WorkerLink {
  public:
    static constexpr int kPatienceMs = 10'000;

    // Starts `words` with the worker's end of the socket as descriptor 3.
    static Result<std::unique_ptr<WorkerLink>> start(const std::vector<std::string>& words,
                                                     const os::TraceRing& ring);

    [[nodiscard]] int socket() const { return control_.number(); }
    [[nodiscard]] int process() const { return child_.process(); }
    [[nodiscard]] const RunStats& stats() const { return stats_; }
    [[nodiscard]] bool knows_map(std::uint32_t id) const { return maps_.contains(id); }
    [[nodiscard]] bool knows_program(std::uint32_t id) const { return programs_.contains(id); }
    [[nodiscard]] bool is_busy() const { return test_run_.has_value(); }

    Result<void> add_map(std::uint32_t id, const maps::Map& map);
    Result<void> add_program(std::uint32_t id, const verify::VerifiedProgram& program,
                             const std::vector<std::uint32_t>& map_ids);
    // Counts the program's instructions in this memory, or no longer.
    Result<void> start_profile(std::uint32_t program_id, const os::Fd& counts);
    // These only send: nothing depends on when they happen.
    void stop_profile(std::uint32_t program_id);
    void forget_map(std::uint32_t id);
    void forget_program(std::uint32_t id);

    Result<void> start_port(std::uint32_t program_id, std::uint32_t cpu,
                            const datapath::OpenedPort& port,
                            const datapath::SharedCounters& counters);
    Result<void> exchange(std::uint32_t program_id);
    // Another port, to which this one may send.
    Result<void> add_target(const datapath::PortSpec& port, const os::Fd& file);
    void remove_target(std::uint32_t number);
    Result<void> begin_test_run(std::uint32_t program_id, std::uint32_t cpu, const TestRun& run);
    // Whether a report came while something else was waited for; receive() gives it then.
    [[nodiscard]] bool has_heard() const { return heard_.has_value(); }
    // After receive() has failed: why the process is no more, in words.
    [[nodiscard]] std::string how_it_ended() { return child_.how_it_ended(); }
    // What is there to be read: a finished test run, or nothing. An error means that the worker is
    // gone.
    Result<Heard> receive();

  private:
    WorkerLink(os::ServiceProcess child, os::Fd control, RunStats stats)
        : child_(std::move(child)), control_(std::move(control)), stats_(std::move(stats)) {}
    Result<void> send(Order order, const std::vector<int>& fds);
    Result<void> perform(Order order, const std::vector<int>& fds);
    void give_compiler();
    Result<Heard> hear(const Report& report, const std::vector<os::Fd>& fds);

    os::ServiceProcess child_;
    std::optional<os::ServiceProcess> compiler_; // of this worker, once it has a port
    os::Fd control_;
    RunStats stats_;
    std::set<std::uint32_t> maps_;
    std::set<std::uint32_t> programs_;
    std::optional<std::uint32_t> test_run_; // number of its order
    std::optional<Heard> heard_;
    std::uint32_t last_order_ = 0;
};

} // namespace skep::workers
