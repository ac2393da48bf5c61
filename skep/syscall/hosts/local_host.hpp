// SPDX-License-Identifier: Apache-2.0
//
// LocalHost: programs run in this process, for an engine that is embedded in a program.
//
// Test runs happen on the caller's thread, ports on threads of their own. A fault in generated code
// ends the run when the process has installed the handlers (run/code/guard.hpp).
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "skep/datapath/port_counters.hpp"
#include "skep/os/process/wait.hpp"
#include "skep/os/trace_ring.hpp"
#include "skep/syscall/host.hpp"
#include "skep/workers/port_loop.hpp"
#include "skep/workers/program_table.hpp"
#include "skep/workers/run_stats.hpp"

namespace skep::syscall {

class LocalHost final : public Host {
  public:
    static Result<std::unique_ptr<LocalHost>> create(std::uint32_t cpu_count);
    ~LocalHost() override;

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
    struct Attachment;
    struct Profile {
        os::Fd counts; // memory to count in, one for all profiles of a program
        bool is_on = false;
    };

    LocalHost(std::uint32_t cpu_count, os::TraceRing ring, workers::RunStats stats);
    // Makes the table know the object and all that a run of it may come to.
    Result<void> learn(const std::shared_ptr<registry::Object>& object);
    // Tells the ports of each other.
    Result<void> introduce(std::uint32_t number);
    void end_profiles(); // on any thread
    Result<run::Executable*> executable_of(const std::shared_ptr<registry::ProgramObject>& program);

    std::uint32_t cpu_count_;
    os::TraceRing ring_;
    workers::RunStats stats_;
    os::Fd stats_holders_; // whether somebody holds a descriptor that switched counting on
    workers::ProgramTable table_;
    std::map<std::uint32_t, std::unique_ptr<Attachment>> attachments_;
    std::mutex profiles_mutex_;                 // for what table_ is told of profiles, too
    std::map<std::uint32_t, Profile> profiles_; // by program, since its first
    std::uint32_t last_attachment_ = 0;
};

} // namespace skep::syscall
