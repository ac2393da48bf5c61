// SPDX-License-Identifier: Apache-2.0
#include "skep/workers/worker.hpp"

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

#include "skep/os/confined/confinement.hpp"
#include "skep/os/machine.hpp"
#include "skep/os/process/message_socket.hpp"
#include "skep/os/process/sealed_memory.hpp"
#include "skep/os/process/wait.hpp"
#include "skep/run/code/guard.hpp"
#include "skep/workers/port_loop.hpp"
#include "skep/workers/protocol.hpp"
#include "skep/workers/test_runner.hpp"
#include "skep/workers/tier_up.hpp"

namespace skep::workers {
namespace {

constexpr std::size_t kLargestProgram = 512U << 20;
constexpr std::size_t kLargestRun = 8U << 20;

class Worker {
  public:
    Worker(os::Fd control, os::TraceRing ring, RunStats stats, os::InterfaceTable interfaces,
           std::unique_ptr<TestRunner> runner)
        : control_(std::move(control)), ring_(std::move(ring)), stats_(std::move(stats)),
          interfaces_(std::move(interfaces)), table_(&ring_, &stats_), runner_(std::move(runner)) {}

    Result<void> work() {
        bool serving = true;
        while (serving) {
            const datapath::Progress progress =
                loop_ == nullptr ? datapath::Progress::ended : loop_->step();
            serving = TRY(take_orders(progress));
        }
        return {};
    }

  private:
    // Waits as the port allows; false when the control process is gone.
    Result<bool> take_orders(datapath::Progress progress) {
        const bool port_waits = progress == datapath::Progress::idle;
        const int timeout_ms = progress == datapath::Progress::more ? 0 : -1;
        tier_up_.ask(table_);
        const std::array<int, 3> fds{control_.number(), port_waits ? loop_->waiting_on() : -1,
                                     tier_up_.fd()};
        const auto ready = TRY(os::wait_readable(fds, timeout_ms));
        if (!ready.empty() && fds[ready.back()] == tier_up_.fd()) {
            tier_up_.hear(table_);
            reclaim();
        }
        if (ready.empty() || ready.front() != 0) {
            return true;
        }
        auto message = TRY(os::receive_message(control_));
        if (message.is_end) {
            return false;
        }
        Order order = TRY(decode_order(message.bytes));
        if (order.kind == OrderKind::test_run) {
            return start_test_run(order, message.fds);
        }
        const Result<os::Fd> done = perform(order, message.fds);
        reclaim();
        return report(order.number, done);
    }

    // Between two batches nothing runs, but for a test run.
    void reclaim() {
        if (!runner_->is_busy()) {
            table_.reclaim();
        }
    }

    // Reported when it is over, from the thread that it runs on.
    Result<bool> start_test_run(const Order& order, std::vector<os::Fd>& fds) {
        if (fds.size() != 1) {
            return report(order.number, fail(Code::invalid_input, "a test run comes in one file"));
        }
        runner_->start([this, number = order.number, program = order.id, cpu = order.cpu,
                        file = std::make_shared<os::Fd>(std::move(fds[0]))] {
            const Result<os::Fd> done = test_run(program, cpu, *file);
            [[maybe_unused]] const auto reported = report(number, done);
        });
        return true;
    }

    Result<bool> report(std::uint32_t number, const Result<os::Fd>& done) {
        Report report{number, 0, {}};
        std::vector<int> fds;
        if (!done.ok()) {
            report.os_errno = errno_of(done.error());
            report.text = done.error().message;
        } else if (done->is_open()) {
            fds.push_back(done->number());
        }
        return os::send_message(control_, encode(report), fds).ok();
    }

    // The descriptor that goes back with the report, not open when there is none.
    Result<os::Fd> perform(const Order& order, std::vector<os::Fd>& fds) {
        switch (order.kind) {
        case OrderKind::begin:
            return fail(Code::invalid_input, "begun already");
        case OrderKind::add_map:
            TRY(add_map(order, fds));
            return os::Fd();
        case OrderKind::add_program:
            TRY(add_program(order, fds));
            return os::Fd();
        case OrderKind::remove_map:
            table_.remove_map(order.id);
            return os::Fd();
        case OrderKind::remove_program:
            table_.remove_program(order.id);
            return os::Fd();
        case OrderKind::test_run:
            break; // start_test_run()
        case OrderKind::start_port:
            TRY(start_port(order, fds));
            return os::Fd();
        case OrderKind::exchange:
            TRY(exchange(order));
            return os::Fd();
        case OrderKind::add_target:
            TRY(add_target(order, fds));
            return os::Fd();
        case OrderKind::remove_target:
            TRY(remove_target(order));
            return os::Fd();
        case OrderKind::profile:
            if (fds.empty()) {
                table_.stop_profile(order.id);
            } else {
                TRY(table_.start_profile(order.id, fds.front()));
            }
            return os::Fd();
        case OrderKind::compiler:
            if (fds.size() != 1) {
                return fail(Code::invalid_input, "a compiler comes with one socket");
            }
            tier_up_.use(std::move(fds.front()));
            return os::Fd();
        }
        return fail(Code::invalid_input, "an unknown order");
    }

    Result<void> add_map(const Order& order, std::vector<os::Fd>& fds) {
        if (fds.empty() || fds.size() > 2) {
            return fail(Code::invalid_input, "a map comes with one file or two");
        }
        const spec::MapSpec spec = TRY(decode_map_spec(order.map_spec));
        maps::MapFiles files;
        files.shared = std::move(fds[0]);
        if (fds.size() == 2) {
            files.table = std::move(fds[1]);
            files.table_is_own = true; // as WorkerLink::add_map sends it
        }
        auto map = TRY(maps::open_map(spec, order.cpu, std::move(files)));
        return table_.add_map(order.id, std::move(map));
    }

    Result<void> add_program(const Order& order, const std::vector<os::Fd>& fds) {
        if (fds.size() != 1) {
            return fail(Code::invalid_input, "a program comes in one file");
        }
        const ByteVector bytes = TRY(os::read_sealed_memory(fds[0], kLargestProgram));
        auto program = TRY(verify::VerifiedProgram::decode(bytes));
        return table_.add_program(
            order.id, std::make_shared<const verify::VerifiedProgram>(std::move(program)),
            order.map_ids);
    }

    Result<os::Fd> test_run(std::uint32_t program, std::uint32_t cpu, const os::Fd& file) {
        const ByteVector bytes = TRY(os::read_sealed_memory(file, kLargestRun));
        const TestRun run = TRY(decode_test_run(bytes));
        const TestRunAnswer answer = TRY(perform_test_run(table_, program, run, cpu, interfaces_));
        return os::make_sealed_memory("skep-answer", encode(answer));
    }

    Result<void> start_port(const Order& order, std::vector<os::Fd>& fds) {
        if (fds.size() < 2 || loop_ != nullptr) {
            return fail(Code::invalid_input, "a port comes with its counters and files, once");
        }
        run::Executable* program = table_.entry(order.id);
        if (program == nullptr) {
            return fail(Code::not_found, "the program is not known to this worker");
        }
        auto counters = TRY(datapath::SharedCounters::open(std::move(fds[0])));
        datapath::OpenedPort port{order.port, {}};
        for (std::size_t i = 1; i < fds.size(); ++i) {
            port.files.push_back(std::move(fds[i]));
        }
        loop_ = TRY(
            PortLoop::create(std::move(port), std::move(counters), table_, *program, order.cpu));
        for (auto& [number, sink] : std::exchange(early_targets_, {})) {
            loop_->redirects().add(number, std::move(sink));
        }
        return {};
    }

    Result<void> exchange(const Order& order) {
        run::Executable* program = table_.entry(order.id);
        if (program == nullptr || loop_ == nullptr) {
            return fail(Code::not_found, "no such program, or no port, in this worker");
        }
        loop_->exchange(*program);
        return {};
    }

    // Targets may come before the port: a replay begins as soon as it can.
    Result<void> add_target(const Order& order, std::vector<os::Fd>& fds) {
        if (fds.size() != 1) {
            return fail(Code::invalid_input, "a target comes with one file");
        }
        auto sink = TRY(datapath::make_sink(order.port, std::move(fds[0])));
        if (loop_ == nullptr) {
            early_targets_.emplace_back(order.id, std::move(sink));
            return {};
        }
        loop_->redirects().add(order.id, std::move(sink));
        loop_->redirects().begin_batch(); // at once: this is between two batches
        return {};
    }

    Result<void> remove_target(const Order& order) {
        if (loop_ == nullptr) {
            return fail(Code::not_found, "no port in this worker");
        }
        loop_->redirects().remove(order.id);
        loop_->redirects().begin_batch(); // its file is closed here
        return {};
    }

    os::Fd control_;
    os::TraceRing ring_;
    RunStats stats_;
    os::InterfaceTable interfaces_;
    ProgramTable table_;
    TierUp tier_up_;
    std::unique_ptr<TestRunner> runner_;
    std::unique_ptr<PortLoop> loop_;
    std::vector<std::pair<std::uint32_t, std::unique_ptr<datapath::PacketSink>>> early_targets_;
};

} // namespace

Result<void> run_worker(os::Fd control) {
    TRY(run::code::install_fault_handlers());
    auto first = TRY(os::receive_message(control));
    if (first.is_end) {
        return {};
    }
    const Order order = TRY(decode_order(first.bytes));
    if (order.kind != OrderKind::begin || first.fds.size() != 2) {
        return fail(Code::invalid_input, "the first order to a worker must be to begin");
    }
    auto ring = TRY(os::TraceRing::open(std::move(first.fds[0])));
    auto stats = TRY(RunStats::open(std::move(first.fds[1])));
    auto interfaces = TRY(os::InterfaceTable::open());
    auto runner = TRY(TestRunner::make());
    Worker worker(std::move(control), std::move(ring), std::move(stats), std::move(interfaces),
                  std::move(runner));
    // Names for perf are written to a file of their own: who asks for them does without.
    if (os::environment_variable("SKEP_PERF_MAP").empty()) {
        TRY(os::confine_process());
    }
    return worker.work();
}

} // namespace skep::workers
