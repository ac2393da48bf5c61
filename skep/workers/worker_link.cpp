// SPDX-License-Identifier: Apache-2.0
#include "skep/workers/worker_link.hpp"

#include "skep/os/process/message_socket.hpp"
#include "skep/os/process/sealed_memory.hpp"
#include "skep/os/sharing/owner_lock.hpp"

namespace skep::workers {
namespace {

constexpr std::size_t kLargestAnswer = 8U << 20;

Order order_of(OrderKind kind, std::uint32_t id) {
    Order order;
    order.kind = kind;
    order.id = id;
    return order;
}

Error gone() { return fail(Code::again, "the worker process ended"); }

} // namespace

Result<std::unique_ptr<WorkerLink>> WorkerLink::start(const std::vector<std::string>& words,
                                                      const os::TraceRing& ring) {
    auto [ours, theirs] = TRY(os::message_socket_pair());
    RunStats stats = TRY(RunStats::create());
    os::ServiceProcess child = TRY(os::ServiceProcess::start(words, theirs));
    std::unique_ptr<WorkerLink> link(
        new WorkerLink(std::move(child), std::move(ours), std::move(stats)));
    TRY(link->send(order_of(OrderKind::begin, 0),
                   {ring.fd().number(), link->stats_.fd().number()}));
    return link;
}

Result<void> WorkerLink::send(Order order, const std::vector<int>& fds) {
    order.number = ++last_order_;
    const auto sent = os::send_message(control_, encode(order), fds, kPatienceMs);
    return sent.ok() || sent.error().code == Code::too_big ? sent : gone();
}

Result<void> WorkerLink::perform(Order order, const std::vector<int>& fds) {
    TRY(send(std::move(order), fds));
    const std::uint32_t number = last_order_;
    while (true) {
        const auto message = TRY(os::receive_message(control_, kPatienceMs));
        if (message.is_end) {
            return gone();
        }
        const Report report = TRY(decode_report(message.bytes));
        if (test_run_ && report.number == *test_run_) {
            heard_ = TRY(hear(report, message.fds));
            continue;
        }
        if (report.number < number) {
            continue; // of an order that nobody waited for
        }
        if (report.os_errno != 0) {
            return Error{Code::system, report.os_errno, report.text};
        }
        return {};
    }
}

Result<void> WorkerLink::add_map(std::uint32_t id, const maps::Map& map) {
    Order order = order_of(OrderKind::add_map, id);
    order.cpu = map.slot_count();
    order.map_spec = encode(map.spec());
    std::vector<int> fds{map.files().shared.number()};
    // Locks on the table hang on its open file description: the worker gets one that is nobody
    // else's, since it may not open anything.
    os::Fd table;
    if (map.files().table.is_open()) {
        table = TRY(os::reopen(map.files().table));
        fds.push_back(table.number());
    }
    TRY(perform(std::move(order), fds));
    maps_.insert(id);
    return {};
}

Result<void> WorkerLink::add_program(std::uint32_t id, const verify::VerifiedProgram& program,
                                     const std::vector<std::uint32_t>& map_ids) {
    const os::Fd memory = TRY(os::make_sealed_memory("skep-program", program.encode()));
    Order order = order_of(OrderKind::add_program, id);
    order.map_ids = map_ids;
    TRY(perform(std::move(order), {memory.number()}));
    programs_.insert(id);
    return {};
}

Result<void> WorkerLink::start_profile(std::uint32_t program_id, const os::Fd& counts) {
    return perform(order_of(OrderKind::profile, program_id), {counts.number()});
}

void WorkerLink::stop_profile(std::uint32_t program_id) {
    [[maybe_unused]] const auto sent = send(order_of(OrderKind::profile, program_id), {});
}

void WorkerLink::forget_map(std::uint32_t id) {
    if (maps_.erase(id) != 0) {
        [[maybe_unused]] const auto sent = send(order_of(OrderKind::remove_map, id), {});
    }
}

void WorkerLink::forget_program(std::uint32_t id) {
    if (programs_.erase(id) != 0) {
        [[maybe_unused]] const auto sent = send(order_of(OrderKind::remove_program, id), {});
    }
}

// A worker without one keeps the code that it begins with.
void WorkerLink::give_compiler() {
    if (compiler_.has_value()) {
        return;
    }
    if (auto started = run::CompilerProcess::start_with_socket(); started.ok()) {
        compiler_.emplace(std::move(started->first));
        [[maybe_unused]] const auto sent =
            send(order_of(OrderKind::compiler, 0), {started->second.number()});
    }
}

Result<void> WorkerLink::start_port(std::uint32_t program_id, std::uint32_t cpu,
                                    const datapath::OpenedPort& port,
                                    const datapath::SharedCounters& counters) {
    give_compiler();
    Order order = order_of(OrderKind::start_port, program_id);
    order.cpu = cpu;
    order.port = port.spec;
    std::vector<int> fds{counters.fd().number()};
    for (const os::Fd& file : port.files) {
        fds.push_back(file.number());
    }
    return perform(std::move(order), fds);
}

Result<void> WorkerLink::exchange(std::uint32_t program_id) {
    return perform(order_of(OrderKind::exchange, program_id), {});
}

Result<void> WorkerLink::add_target(const datapath::PortSpec& port, const os::Fd& file) {
    Order order = order_of(OrderKind::add_target, port.ifindex);
    order.port = port;
    return perform(std::move(order), {file.number()});
}

void WorkerLink::remove_target(std::uint32_t number) {
    [[maybe_unused]] const auto sent = send(order_of(OrderKind::remove_target, number), {});
}

Result<void> WorkerLink::begin_test_run(std::uint32_t program_id, std::uint32_t cpu,
                                        const TestRun& run) {
    const os::Fd memory = TRY(os::make_sealed_memory("skep-run", encode(run)));
    Order order = order_of(OrderKind::test_run, program_id);
    order.cpu = cpu;
    TRY(send(std::move(order), {memory.number()}));
    test_run_ = last_order_;
    return {};
}

Result<Heard> WorkerLink::receive() {
    if (heard_) {
        return *std::exchange(heard_, std::nullopt);
    }
    auto received = os::receive_message(control_, 0);
    if (!received.ok() && received.error().code == Code::again) {
        return Heard{}; // perform() took it since somebody saw that it was there
    }
    const os::Message message = TRY(std::move(received));
    if (message.is_end) {
        return gone();
    }
    const Report report = TRY(decode_report(message.bytes));
    if (!test_run_ || report.number != *test_run_) {
        return Heard{};
    }
    return hear(report, message.fds);
}

Result<Heard> WorkerLink::hear(const Report& report, const std::vector<os::Fd>& fds) {
    test_run_.reset();
    Heard heard;
    heard.run_ended = true;
    if (report.os_errno != 0) {
        heard.failure = Error{Code::system, report.os_errno,
                              report.text.empty() ? "the run failed" : report.text};
        return heard;
    }
    if (fds.size() != 1) {
        return fail(Code::invalid_input, "the worker's report has no answer beside it");
    }
    const ByteVector bytes = TRY(os::read_sealed_memory(fds[0], kLargestAnswer));
    heard.answer = TRY(decode_test_run_answer(bytes));
    return heard;
}

} // namespace skep::workers
