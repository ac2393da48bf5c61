// SPDX-License-Identifier: Apache-2.0
//
// WorkerHost: programs run in worker processes, for the daemon, which itself never runs one.
//
// Each attachment has a worker of its own. Test runs share idle workers, one run at a time in each.
// A worker that dies takes its runs with it: a test run is answered with EIO, an attachment is
// reported as failed and stays until it is detached.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "skep/datapath/port_counters.hpp"
#include "skep/os/trace_ring.hpp"
#include "skep/syscall/host.hpp"
#include "skep/workers/worker_link.hpp"

namespace skep::syscall {

class WorkerHost final : public Host {
  public:
    // `words` start a worker, which finds its socket as descriptor 3.
    static Result<std::unique_ptr<WorkerHost>> create(std::uint32_t cpu_count,
                                                      std::vector<std::string> words);
    ~WorkerHost() override;

    // For the event loop: what to wait for, and what to do when it is readable.
    [[nodiscard]] std::vector<int> sockets() const;
    void listen_to(int socket);
    // Before waiting: what was heard while something else was waited for.
    void settle();
    // Hears how each worker ended that was not let go.
    void on_worker_end(std::function<void(const std::string&)> tell) {
        on_worker_end_ = std::move(tell);
    }
    // Every now and then: runs that nobody waits for any more are ended, idle workers let go.
    void tick();
    [[nodiscard]] std::size_t worker_count() const { return testers_.size() + attachments_.size(); }
    [[nodiscard]] bool is_idle() const;

    void test_run(TestRunRequest request, TestRunDone done) override;
    Result<std::uint32_t> attach(datapath::OpenedPort port,
                                 const std::shared_ptr<registry::ProgramObject>& program) override;
    Result<void> exchange(std::uint32_t attachment,
                          const std::shared_ptr<registry::ProgramObject>& program) override;
    void detach(std::uint32_t attachment) override;
    [[nodiscard]] std::vector<AttachmentFacts> attachments() override;
    Result<void> publish(const registry::MapObject& into,
                         const std::shared_ptr<registry::Object>& held) override;
    void forget(const registry::Object& object) override;
    Result<void> seal(registry::MapObject& map) override;
    [[nodiscard]] registry::RunCounts counts_of(const registry::ProgramObject& program) override;
    Result<os::Fd> enable_stats() override;
    Result<os::Fd> profile(const std::shared_ptr<registry::ProgramObject>& program) override;
    Result<os::Fd> trace_ring() override;

  private:
    struct Tester {
        std::unique_ptr<workers::WorkerLink> link;
        TestRunRequest request; // while busy
        TestRunDone done;
        std::uint64_t idle_since_ns = 0;
    };
    struct Attachment {
        datapath::PortSpec port;
        std::shared_ptr<registry::ProgramObject> program;
        datapath::SharedCounters counters;
        std::unique_ptr<workers::WorkerLink> link; // null once the worker has died
        os::Fd transmit; // what other ports send through; not open when they cannot
    };

    struct Profile {
        os::Fd counts;      // memory that workers count in, one for all profiles of a program
        bool is_on = false; // which the workers have been told
    };

    WorkerHost(std::uint32_t cpu_count, std::vector<std::string> words, os::TraceRing ring,
               os::Fd stats_holders)
        : cpu_count_(cpu_count), words_(std::move(words)), ring_(std::move(ring)),
          stats_holders_(std::move(stats_holders)) {}

    Result<std::unique_ptr<workers::WorkerLink>> start_worker();
    // Makes the worker know the object and all that a run of it may come to.
    Result<void> teach(workers::WorkerLink& link, const std::shared_ptr<registry::Object>& object);
    // Tells the other ports of one that came, and of one that goes.
    void introduce(std::uint32_t number);
    void withdraw(std::uint32_t number);
    Result<void> pass_on_profile(workers::WorkerLink& link, std::uint32_t program);
    Result<void> teach_if_alive(workers::WorkerLink& link,
                                const std::shared_ptr<registry::Object>& object);
    std::string tell_end(workers::WorkerLink& link, const Error& why);
    void keep_counts(const workers::WorkerLink& link);
    void end_tester(std::size_t index, const Error& why);
    void set_counting();
    void end_profiles();
    template <class Visit>
    void for_each_link(Visit visit);

    std::uint32_t cpu_count_;
    std::vector<std::string> words_;
    os::TraceRing ring_;
    os::Fd stats_holders_;
    std::vector<std::unique_ptr<Tester>> testers_;
    std::map<std::uint32_t, Attachment> attachments_;
    std::map<std::uint32_t, workers::ProgramRuns>
        ended_runs_;                            // by program, of workers that are gone
    std::map<std::uint32_t, Profile> profiles_; // by program, since its first
    std::uint32_t last_attachment_ = 0;
    std::function<void(const std::string&)> on_worker_end_;
};

} // namespace skep::syscall
