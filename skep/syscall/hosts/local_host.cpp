// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/hosts/local_host.hpp"

#include <array>
#include <utility>

#include "skep/os/machine.hpp"
#include "skep/os/memory.hpp"
#include "skep/os/process/thread.hpp"
#include "skep/syscall/call.hpp"
#include "skep/syscall/hosts/attachment_facts.hpp"
#include "skep/syscall/hosts/reachable.hpp"
#include "skep/syscall/hosts/seal_map.hpp"
#include "skep/workers/profile.hpp"

namespace skep::syscall {

constexpr std::uint64_t kLookNs = 20'000'000; // between looks whether a profile has ended

using registry::MapObject;
using registry::ObjectKind;
using registry::ProgramObject;

// A port and the thread that runs it. The program to run is read between two batches.
struct LocalHost::Attachment {
    Attachment(LocalHost& owner, datapath::PortSpec spec, datapath::SharedCounters shared,
               os::Wakeup stop_wakeup)
        : host(owner), port(std::move(spec)), counters(std::move(shared)),
          wakeup(std::move(stop_wakeup)) {}
    ~Attachment() {
        if (thread.joinable()) {
            stopping.store(true);
            wakeup.wake();
            thread.join();
        }
    }

    void work() {
        run::Executable* current = nullptr;
        std::uint64_t looked_ns = 0;
        while (!stopping.load()) {
            if (const std::uint64_t now_ns = os::steady_time_ns(); now_ns - looked_ns >= kLookNs) {
                looked_ns = now_ns;
                host.end_profiles();
            }
            if (run::Executable* wanted = program.load(); wanted != current) {
                current = wanted;
                loop->exchange(*wanted);
            }
            const datapath::Progress progress = loop->step();
            if (progress == datapath::Progress::ended || progress == datapath::Progress::failed) {
                return;
            }
            if (progress == datapath::Progress::idle) {
                const std::array<int, 2> fds{loop->waiting_on(), wakeup.fd()};
                [[maybe_unused]] const auto ready = os::wait_readable(fds, -1);
                wakeup.clear(); // somebody had news for the loop
            }
        }
    }

    LocalHost& host;
    datapath::PortSpec port;
    datapath::SharedCounters counters;
    os::Wakeup wakeup;
    std::shared_ptr<ProgramObject> object;
    std::vector<std::shared_ptr<ProgramObject>> earlier; // may still be in a batch
    std::atomic<run::Executable*> program = nullptr;
    std::unique_ptr<workers::PortLoop> loop;
    os::Fd transmit; // what other ports send through; not open when they cannot
    std::atomic<bool> stopping = false;
    std::thread thread;
};

LocalHost::LocalHost(std::uint32_t cpu_count, os::TraceRing ring, workers::RunStats stats)
    : cpu_count_(cpu_count), ring_(std::move(ring)), stats_(std::move(stats)),
      table_(&ring_, &stats_) {}

LocalHost::~LocalHost() { attachments_.clear(); }

Result<std::unique_ptr<LocalHost>> LocalHost::create(std::uint32_t cpu_count) {
    os::TraceRing ring = TRY(os::TraceRing::create());
    workers::RunStats stats = TRY(workers::RunStats::create());
    std::unique_ptr<LocalHost> host(new LocalHost(cpu_count, std::move(ring), std::move(stats)));
    host->stats_holders_ = TRY(os::make_memfd("bpf-stats", 0));
    return host;
}

Result<void> LocalHost::learn(const std::shared_ptr<registry::Object>& object) {
    for (const auto& each : reachable_from(object)) {
        if (each->kind() == ObjectKind::map) {
            TRY(table_.lend_map(each->id(), *static_cast<MapObject&>(*each).map));
        } else if (each->kind() == ObjectKind::program && table_.entry(each->id()) == nullptr) {
            const auto& program = static_cast<const ProgramObject&>(*each);
            TRY(table_.add_program(program.id(), program.program, map_ids_of(program)));
        }
    }
    return {};
}

Result<run::Executable*> LocalHost::executable_of(const std::shared_ptr<ProgramObject>& program) {
    TRY(learn(program));
    run::Executable* executable = table_.entry(program->id());
    SKEP_ASSERT(executable != nullptr);
    return executable;
}

void LocalHost::test_run(TestRunRequest request, TestRunDone done) {
    stats_.set_counting(os::is_held(stats_holders_));
    end_profiles();
    const auto learned = learn(request.program);
    if (!learned.ok()) {
        done(learned.error());
        return;
    }
    const auto interfaces = os::InterfaceTable::open();
    done(interfaces.ok()
             ? workers::perform_test_run(table_, request.program->id(), request.run, 0, *interfaces)
             : Result<TestRunAnswer>(interfaces.error()));
    if (attachments_.empty()) {
        table_.reclaim();
    }
}

Result<std::uint32_t> LocalHost::attach(datapath::OpenedPort port,
                                        const std::shared_ptr<ProgramObject>& program) {
    run::Executable* executable = TRY(executable_of(program));
    datapath::SharedCounters counters = TRY(datapath::SharedCounters::create());
    os::Fd shared = TRY(counters.fd().duplicate());
    datapath::SharedCounters view = TRY(datapath::SharedCounters::open(std::move(shared)));
    auto attachment = std::make_unique<Attachment>(*this, port.spec, std::move(counters),
                                                   TRY(os::Wakeup::create()));
    const std::uint32_t number = last_attachment_ + 1;
    if (port.spec.kind == datapath::PortKind::capture) {
        port.spec.ifindex = attachment->port.ifindex = datapath::kFirstCaptureNumber + number;
    }
    attachment->transmit = TRY(transmit_file_of(port));
    attachment->loop = TRY(workers::PortLoop::create(std::move(port), std::move(view), table_,
                                                     *executable, number % cpu_count_));
    attachment->object = program;
    attachment->program.store(executable);
    Attachment& added = *attachment;
    attachments_[number] = std::move(attachment);
    last_attachment_ = number;
    const auto introduced = introduce(number);
    if (!introduced.ok()) {
        attachments_.erase(number);
        return introduced.error();
    }
    auto thread = os::start_thread([&added] { added.work(); });
    if (!thread.ok()) {
        detach(number);
        return thread.error();
    }
    added.thread = std::move(thread).value();
    return number;
}

Result<void> LocalHost::introduce(std::uint32_t number) {
    Attachment& added = *attachments_.at(number);
    const auto tell = [](Attachment& from, const Attachment& to) -> Result<void> {
        if (to.transmit.is_open() && reaches(from.port, to.port)) {
            os::Fd file = TRY(to.transmit.duplicate());
            auto sink = TRY(datapath::make_sink(to.port, std::move(file)));
            from.loop->redirects().add(to.port.ifindex, std::move(sink));
            from.wakeup.wake();
        }
        return {};
    };
    for (const auto& [other_number, other] : attachments_) {
        if (other_number != number) {
            TRY(tell(*other, added));
            TRY(tell(added, *other));
        }
    }
    return {};
}

Result<void> LocalHost::exchange(std::uint32_t number,
                                 const std::shared_ptr<ProgramObject>& program) {
    const auto found = attachments_.find(number);
    if (found == attachments_.end()) {
        return fail(Code::not_found, "the attachment is gone");
    }
    run::Executable* executable = TRY(executable_of(program));
    Attachment& attachment = *found->second;
    attachment.earlier.push_back(std::exchange(attachment.object, program));
    attachment.program.store(executable);
    return {};
}

void LocalHost::detach(std::uint32_t attachment) {
    const auto found = attachments_.find(attachment);
    if (found == attachments_.end()) {
        return;
    }
    const datapath::PortSpec port = found->second->port;
    attachments_.erase(found);
    for (const auto& [number, other] : attachments_) {
        if (reaches(other->port, port)) {
            other->loop->redirects().remove(port.ifindex);
            other->wakeup.wake();
        }
    }
    if (attachments_.empty()) {
        table_.reclaim();
    }
}

std::vector<AttachmentFacts> LocalHost::attachments() {
    std::vector<AttachmentFacts> all;
    for (const auto& [number, attachment] : attachments_) {
        all.push_back(
            facts_of(number, attachment->port, attachment->object->id(), attachment->counters));
    }
    return all;
}

Result<void> LocalHost::publish(const MapObject&, const std::shared_ptr<registry::Object>& held) {
    return learn(held);
}

void LocalHost::forget(const registry::Object& object) {
    if (object.kind() == ObjectKind::link) {
        detach(static_cast<const registry::LinkObject&>(object).attachment);
    } else if (object.kind() == ObjectKind::map) {
        table_.remove_map(object.id());
    } else if (object.kind() == ObjectKind::program) {
        const std::lock_guard lock(profiles_mutex_);
        table_.remove_program(object.id());
        profiles_.erase(object.id());
        // The object is on its way out, and its listing with it; its running form goes when no run
        // can be in it.
        if (attachments_.empty()) {
            table_.reclaim();
        }
    }
}

Result<void> LocalHost::seal(MapObject& map) {
    // Client and engine are one process here: what is not the engine's one mapping of an array is
    // the client's. (Ring buffers have several of the engine's; their freezing asks nobody.)
    if (const auto values = map.map->direct_values()) {
        TRY(check_not_mapped(map, {}, values->base));
    }
    // What programs are bound to stays where it is, frozen but not sealed.
    return table_.has_map(map.id()) ? Result<void>() : seal_map(map, cpu_count_);
}

registry::RunCounts LocalHost::counts_of(const ProgramObject& program) {
    stats_.set_counting(os::is_held(stats_holders_));
    const workers::ProgramRuns runs = stats_.runs_of(program.id());
    return {runs.runs, runs.time_ns, 0};
}

Result<os::Fd> LocalHost::enable_stats() {
    stats_.set_counting(true);
    return os::new_handle(stats_holders_);
}

Result<os::Fd> LocalHost::profile(const std::shared_ptr<ProgramObject>& program) {
    TRY(learn(program));
    const std::lock_guard lock(profiles_mutex_);
    auto profile = profiles_.find(program->id());
    if (profile == profiles_.end()) {
        os::Fd counts = TRY(workers::ProfileCounts::create(program->program->insns().size()));
        profile = profiles_.emplace(program->id(), Profile{std::move(counts), false}).first;
    }
    os::Fd holder = TRY(os::new_handle(profile->second.counts, os::Access::read_only));
    if (!profile->second.is_on) {
        TRY(table_.start_profile(program->id(), profile->second.counts));
        profile->second.is_on = true;
    }
    return holder;
}

// Nobody holds a profile's descriptor any more: the program runs as it did before. Whoever is about
// to run programs asks, on any thread.
void LocalHost::end_profiles() {
    const std::lock_guard lock(profiles_mutex_);
    for (auto& [program, profile] : profiles_) {
        if (profile.is_on && !os::is_held(profile.counts)) {
            profile.is_on = false;
            table_.stop_profile(program);
        }
    }
}

Result<os::Fd> LocalHost::trace_ring() { return ring_.fd().duplicate(); }

} // namespace skep::syscall
