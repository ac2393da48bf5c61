// SPDX-License-Identifier: Apache-2.0
//
// Data plane, but for making it. A program at work on a port: the loop that a worker runs between
// messages and an embedded engine runs on a thread of its own.
#pragma once

#include <memory>

#include "skep/datapath/port.hpp"
#include "skep/datapath/port_counters.hpp"
#include "skep/datapath/xdp_run.hpp"
#include "skep/workers/program_table.hpp"

namespace skep::workers {

class PortLoop {
  public:
    // `program` stays valid as long as it is in use here. `cpu` is the slot that the loop owns.
    static Result<std::unique_ptr<PortLoop>> create(datapath::OpenedPort opened,
                                                    datapath::SharedCounters counters,
                                                    const ProgramTable& table,
                                                    run::Executable& program, std::uint32_t cpu);

    // One batch. After `ended` or `failed` there is nothing more to do.
    datapath::Progress step();
    [[nodiscard]] int waiting_on() const { return port_->waiting_on(); }
    // Between two batches.
    void exchange(run::Executable& program) { run_.set_program(program); }
    // The ports that this one can send to.
    [[nodiscard]] datapath::Redirects& redirects() { return redirects_; }

  private:
    PortLoop(datapath::SharedCounters counters, const ProgramTable& table, std::uint32_t cpu,
             datapath::ArrivalFacts arrival)
        : counters_(std::move(counters)), run_(table.services(), cpu, arrival) {}

    datapath::SharedCounters counters_;
    datapath::Redirects redirects_;
    std::unique_ptr<datapath::Port> port_;
    datapath::XdpRun run_;
};

} // namespace skep::workers
