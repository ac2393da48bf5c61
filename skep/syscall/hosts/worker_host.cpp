// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/hosts/worker_host.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "skep/os/machine.hpp"
#include "skep/os/memory.hpp"
#include "skep/syscall/call.hpp"
#include "skep/syscall/hosts/attachment_facts.hpp"
#include "skep/syscall/hosts/reachable.hpp"
#include "skep/syscall/hosts/seal_map.hpp"
#include "skep/workers/profile.hpp"

namespace skep::syscall {
namespace {

using registry::MapObject;
using registry::ObjectKind;
using registry::ProgramObject;
using workers::WorkerLink;

constexpr std::size_t kMostTesters = 32;
constexpr std::uint64_t kIdleNs = 5'000'000'000;

Error worker_died(const std::string& how) {
    return answer(EIO, "the worker process that ran the program " + how);
}

} // namespace

Result<std::unique_ptr<WorkerHost>> WorkerHost::create(std::uint32_t cpu_count,
                                                       std::vector<std::string> words) {
    os::TraceRing ring = TRY(os::TraceRing::create());
    os::Fd holders = TRY(os::make_memfd("bpf-stats", 0));
    return std::unique_ptr<WorkerHost>(
        new WorkerHost(cpu_count, std::move(words), std::move(ring), std::move(holders)));
}

WorkerHost::~WorkerHost() = default;

Result<std::unique_ptr<WorkerLink>> WorkerHost::start_worker() {
    auto link = TRY_WHILE("starting a worker", WorkerLink::start(words_, ring_));
    link->stats().set_counting(os::is_held(stats_holders_));
    return link;
}

// To a worker that has just come to know the program.
Result<void> WorkerHost::pass_on_profile(WorkerLink& link, std::uint32_t program) {
    const auto profile = profiles_.find(program);
    return profile != profiles_.end() && profile->second.is_on
               ? link.start_profile(program, profile->second.counts)
               : Result<void>();
}

Result<void> WorkerHost::teach(WorkerLink& link, const std::shared_ptr<registry::Object>& object) {
    for (const auto& each : reachable_from(object)) {
        if (each->kind() == ObjectKind::map && !link.knows_map(each->id())) {
            TRY(link.add_map(each->id(), *static_cast<const MapObject&>(*each).map));
        } else if (each->kind() == ObjectKind::program && !link.knows_program(each->id())) {
            const auto& program = static_cast<const ProgramObject&>(*each);
            TRY(link.add_program(program.id(), *program.program, map_ids_of(program)));
            TRY(pass_on_profile(link, program.id()));
        }
    }
    return {};
}

// A worker that has ended is found out by its socket; nobody else is refused anything for it.
Result<void> WorkerHost::teach_if_alive(WorkerLink& link,
                                        const std::shared_ptr<registry::Object>& object) {
    const Result<void> taught = teach(link, object);
    return !taught.ok() && taught.error().code == Code::again ? Result<void>() : taught;
}

std::vector<int> WorkerHost::sockets() const {
    std::vector<int> sockets;
    for (const auto& tester : testers_) {
        sockets.push_back(tester->link->socket());
    }
    for (const auto& [number, attachment] : attachments_) {
        if (attachment.link != nullptr) {
            sockets.push_back(attachment.link->socket());
        }
    }
    return sockets;
}

void WorkerHost::keep_counts(const WorkerLink& link) {
    link.stats().for_each([this](std::uint32_t program, workers::ProgramRuns runs) {
        ended_runs_[program].runs += runs.runs;
        ended_runs_[program].time_ns += runs.time_ns;
    });
}

void WorkerHost::end_tester(std::size_t index, const Error& why) {
    const std::unique_ptr<Tester> tester = std::move(testers_[index]);
    testers_.erase(testers_.begin() + static_cast<std::ptrdiff_t>(index));
    keep_counts(*tester->link);
    if (tester->done) {
        tester->done(why);
    }
}

void WorkerHost::listen_to(int socket) {
    for (std::size_t i = 0; i < testers_.size(); ++i) {
        if (testers_[i]->link->socket() != socket) {
            continue;
        }
        auto heard = testers_[i]->link->receive();
        if (!heard.ok()) {
            end_tester(i, worker_died(tell_end(*testers_[i]->link, heard.error())));
        } else if (heard->run_ended) {
            testers_[i]->idle_since_ns = os::steady_time_ns();
            testers_[i]->request = {};
            const TestRunDone done = std::exchange(testers_[i]->done, nullptr);
            done(heard->failed() ? Result<TestRunAnswer>(heard->failure)
                                 : Result<TestRunAnswer>(std::move(heard->answer)));
        }
        return;
    }
    for (auto& [number, attachment] : attachments_) {
        if (attachment.link == nullptr || attachment.link->socket() != socket) {
            continue;
        }
        const auto heard = attachment.link->receive();
        if (!heard.ok()) {
            attachment.counters.fail("the worker process " +
                                     tell_end(*attachment.link, heard.error()));
            keep_counts(*attachment.link);
            attachment.link.reset();
            withdraw(number);
        }
        return;
    }
}

std::string WorkerHost::tell_end(WorkerLink& link, const Error& why) {
    std::string how = link.how_it_ended();
    if (on_worker_end_) {
        on_worker_end_("a worker process " + how + " (" + why.message + ")");
    }
    return how;
}

void WorkerHost::settle() {
    for (std::size_t i = testers_.size(); i-- > 0;) {
        if (testers_[i]->link->has_heard()) {
            listen_to(testers_[i]->link->socket());
        }
    }
}

void WorkerHost::tick() {
    set_counting();
    end_profiles();
    const std::uint64_t now_ns = os::steady_time_ns();
    for (std::size_t i = testers_.size(); i-- > 0;) {
        const Tester& tester = *testers_[i];
        if (tester.done && !tester.request.is_wanted()) {
            end_tester(i, answer(EINTR, "nobody waits for the run any more"));
        } else if (!tester.done && now_ns - tester.idle_since_ns > kIdleNs) {
            end_tester(i, worker_died("is not needed any more"));
        }
    }
}

bool WorkerHost::is_idle() const {
    const bool testing = std::any_of(testers_.begin(), testers_.end(),
                                     [](const auto& each) { return bool(each->done); });
    return attachments_.empty() && !testing;
}

void WorkerHost::test_run(TestRunRequest request, TestRunDone done) {
    set_counting();
    auto idle = std::find_if(testers_.begin(), testers_.end(),
                             [](const auto& each) { return !each->done; });
    if (idle == testers_.end()) {
        if (testers_.size() == kMostTesters) {
            done(answer(EAGAIN, "too many test runs at once"));
            return;
        }
        auto link = start_worker();
        if (!link.ok()) {
            done(link.error());
            return;
        }
        testers_.push_back(std::make_unique<Tester>());
        idle = std::prev(testers_.end());
        (*idle)->link = std::move(*link);
    }
    Tester& tester = **idle;
    const auto slot = static_cast<std::uint32_t>(idle - testers_.begin()) % cpu_count_;
    auto begun = teach(*tester.link, request.program);
    if (begun.ok()) {
        begun = tester.link->begin_test_run(request.program->id(), slot, request.run);
    }
    if (!begun.ok()) {
        const bool is_gone = begun.error().code == Code::again;
        const Error why =
            is_gone ? worker_died(tell_end(*tester.link, begun.error())) : begun.error();
        testers_.erase(idle); // it may be in the middle of anything
        done(why);
        return;
    }
    tester.request = std::move(request);
    tester.done = std::move(done);
}

Result<std::uint32_t> WorkerHost::attach(datapath::OpenedPort port,
                                         const std::shared_ptr<ProgramObject>& program) {
    auto link = TRY(start_worker());
    TRY(teach(*link, program));
    auto counters = TRY(datapath::SharedCounters::create());
    const std::uint32_t number = last_attachment_ + 1;
    if (port.spec.kind == datapath::PortKind::capture) {
        port.spec.ifindex = datapath::kFirstCaptureNumber + number;
    }
    os::Fd transmit = TRY(transmit_file_of(port));
    // The others first: a replay begins as soon as it can, and may send to them at once.
    for (const auto& [other_number, other] : attachments_) {
        if (other.transmit.is_open() && reaches(port.spec, other.port)) {
            TRY(link->add_target(other.port, other.transmit));
        }
    }
    TRY(link->start_port(program->id(), number % cpu_count_, port, counters));
    attachments_.emplace(number, Attachment{port.spec, program, std::move(counters),
                                            std::move(link), std::move(transmit)});
    last_attachment_ = number;
    introduce(number);
    return number;
}

void WorkerHost::introduce(std::uint32_t number) {
    const Attachment& added = attachments_.at(number);
    for (auto& [other_number, other] : attachments_) {
        if (other_number != number && other.link != nullptr && added.transmit.is_open() &&
            reaches(other.port, added.port)) {
            // A worker that does not answer is found out by its socket.
            [[maybe_unused]] const auto told = other.link->add_target(added.port, added.transmit);
        }
    }
}

void WorkerHost::withdraw(std::uint32_t number) {
    Attachment& gone = attachments_.at(number);
    gone.transmit = os::Fd();
    for (auto& [other_number, other] : attachments_) {
        if (other_number != number && other.link != nullptr && reaches(other.port, gone.port)) {
            other.link->remove_target(gone.port.ifindex);
        }
    }
}

Result<void> WorkerHost::exchange(std::uint32_t number,
                                  const std::shared_ptr<ProgramObject>& program) {
    const auto found = attachments_.find(number);
    if (found == attachments_.end() || found->second.link == nullptr) {
        return answer(ENOENT, "nothing runs there any more");
    }
    TRY(teach(*found->second.link, program));
    TRY(found->second.link->exchange(program->id()));
    found->second.program = program;
    return {};
}

void WorkerHost::detach(std::uint32_t number) {
    const auto found = attachments_.find(number);
    if (found == attachments_.end()) {
        return;
    }
    if (found->second.link != nullptr) {
        keep_counts(*found->second.link);
    }
    withdraw(number);
    attachments_.erase(found);
}

std::vector<AttachmentFacts> WorkerHost::attachments() {
    std::vector<AttachmentFacts> all;
    for (const auto& [number, attachment] : attachments_) {
        all.push_back(
            facts_of(number, attachment.port, attachment.program->id(), attachment.counters));
    }
    return all;
}

Result<void> WorkerHost::publish(const MapObject& into,
                                 const std::shared_ptr<registry::Object>& held) {
    for (auto& [number, attachment] : attachments_) {
        if (attachment.link != nullptr && attachment.link->knows_map(into.id())) {
            TRY(teach_if_alive(*attachment.link, held));
        }
    }
    for (const auto& tester : testers_) {
        // Busy or not: a run under way meets what is published now.
        if (tester->link->knows_map(into.id())) {
            TRY(teach_if_alive(*tester->link, held));
        }
    }
    return {};
}

void WorkerHost::forget(const registry::Object& object) {
    if (object.kind() == ObjectKind::link) {
        detach(static_cast<const registry::LinkObject&>(object).attachment);
        return;
    }
    const auto forget_in = [&object](WorkerLink& link) {
        if (object.kind() == ObjectKind::map) {
            link.forget_map(object.id());
        } else if (object.kind() == ObjectKind::program) {
            link.forget_program(object.id());
        }
    };
    for (const auto& tester : testers_) {
        forget_in(*tester->link);
    }
    for (auto& [number, attachment] : attachments_) {
        if (attachment.link != nullptr) {
            forget_in(*attachment.link);
        }
    }
    if (object.kind() == ObjectKind::program) {
        ended_runs_.erase(object.id());
        profiles_.erase(object.id());
    }
}

Result<void> WorkerHost::seal(MapObject& map) {
    std::vector<int> engine{static_cast<int>(os::process_id())};
    bool in_use = false;
    const auto look_at = [&](const WorkerLink& link) {
        engine.push_back(link.process());
        in_use = in_use || link.knows_map(map.id());
    };
    for (const auto& tester : testers_) {
        look_at(*tester->link);
    }
    for (const auto& [number, attachment] : attachments_) {
        if (attachment.link != nullptr) {
            look_at(*attachment.link);
        }
    }
    TRY(check_not_mapped(map, engine, nullptr));
    // What workers have mapped stays as it is, frozen but not sealed.
    return in_use ? Result<void>() : seal_map(map, cpu_count_);
}

Result<os::Fd> WorkerHost::profile(const std::shared_ptr<ProgramObject>& program) {
    auto profile = profiles_.find(program->id());
    if (profile == profiles_.end()) {
        os::Fd counts = TRY(workers::ProfileCounts::create(program->program->insns().size()));
        profile = profiles_.emplace(program->id(), Profile{std::move(counts), false}).first;
    }
    auto holder = TRY(os::new_handle(profile->second.counts, os::Access::read_only));
    if (!std::exchange(profile->second.is_on, true)) {
        for_each_link([&](WorkerLink& link) {
            if (link.knows_program(program->id())) {
                // A worker that does not answer is found out by its socket.
                [[maybe_unused]] const auto told =
                    link.start_profile(program->id(), profile->second.counts);
            }
        });
    }
    return holder;
}

// Nobody holds a profile's descriptor any more: the program runs as it did before.
void WorkerHost::end_profiles() {
    for (auto& [program, profile] : profiles_) {
        if (!profile.is_on || os::is_held(profile.counts)) {
            continue;
        }
        profile.is_on = false;
        for_each_link([id = program](WorkerLink& link) {
            if (link.knows_program(id)) {
                link.stop_profile(id);
            }
        });
    }
}

template <class Visit>
void WorkerHost::for_each_link(Visit visit) {
    for (const auto& tester : testers_) {
        visit(*tester->link);
    }
    for (auto& [number, attachment] : attachments_) {
        if (attachment.link != nullptr) {
            visit(*attachment.link);
        }
    }
}

void WorkerHost::set_counting() {
    const bool counting = os::is_held(stats_holders_);
    for (const auto& tester : testers_) {
        tester->link->stats().set_counting(counting);
    }
    for (const auto& [number, attachment] : attachments_) {
        if (attachment.link != nullptr) {
            attachment.link->stats().set_counting(counting);
        }
    }
}

registry::RunCounts WorkerHost::counts_of(const ProgramObject& program) {
    workers::ProgramRuns sum;
    if (const auto ended = ended_runs_.find(program.id()); ended != ended_runs_.end()) {
        sum = ended->second;
    }
    const auto add = [&sum, &program](const WorkerLink& link) {
        const workers::ProgramRuns runs = link.stats().runs_of(program.id());
        sum.runs += runs.runs;
        sum.time_ns += runs.time_ns;
    };
    for (const auto& tester : testers_) {
        add(*tester->link);
    }
    for (const auto& [number, attachment] : attachments_) {
        if (attachment.link != nullptr) {
            add(*attachment.link);
        }
    }
    return {sum.runs, sum.time_ns, 0};
}

Result<os::Fd> WorkerHost::enable_stats() {
    auto holder = TRY(os::new_handle(stats_holders_));
    set_counting();
    return holder;
}

Result<os::Fd> WorkerHost::trace_ring() { return ring_.fd().duplicate(); }

} // namespace skep::syscall
