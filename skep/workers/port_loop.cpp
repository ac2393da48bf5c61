// SPDX-License-Identifier: Apache-2.0
#include "skep/workers/port_loop.hpp"

namespace skep::workers {
namespace {

// Frames between two looks at the messages: some tens of microseconds.
constexpr std::uint32_t kBatch = 64;

} // namespace

Result<std::unique_ptr<PortLoop>> PortLoop::create(datapath::OpenedPort opened,
                                                   datapath::SharedCounters counters,
                                                   const ProgramTable& table,
                                                   run::Executable& program, std::uint32_t cpu) {
    const datapath::ArrivalFacts arrival{opened.spec.ifindex, 0};
    std::unique_ptr<PortLoop> loop(new PortLoop(std::move(counters), table, cpu, arrival));
    loop->port_ = TRY(datapath::make_port(std::move(opened), loop->counters_, loop->redirects_));
    loop->run_.set_program(program);
    loop->counters_->state.store(datapath::PortState::running, std::memory_order_release);
    return loop;
}

datapath::Progress PortLoop::step() {
    const datapath::Progress progress = port_->run_batch(run_, kBatch);
    if (progress == datapath::Progress::ended) {
        counters_->state.store(datapath::PortState::ended, std::memory_order_release);
    }
    return progress;
}

} // namespace skep::workers
