// SPDX-License-Identifier: Apache-2.0
//
// Host: where programs run.
//
// The dispatcher knows objects; running them is somebody else's: this process (an embedded engine)
// or worker processes (the daemon). What takes long answers through a function that is called once,
// perhaps before the call returns.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "skep/base/bytes.hpp"
#include "skep/base/result.hpp"
#include "skep/datapath/port_spec.hpp"
#include "skep/os/fd.hpp"
#include "skep/registry/object.hpp"
#include "skep/workers/test_run.hpp"

namespace skep::syscall {

using workers::TestRun;
using workers::TestRunAnswer;
struct TestRunRequest {
    std::shared_ptr<registry::ProgramObject> program;
    TestRun run;
    std::function<bool()> is_wanted; // false once whoever asked has gone away
};
using TestRunDone = std::function<void(Result<TestRunAnswer>)>;

// A program at a port, as it stands.
struct AttachmentFacts {
    std::uint32_t id = 0;
    datapath::PortSpec port;
    std::uint32_t program_id = 0;
    std::vector<std::uint64_t> verdicts; // by XDP action
    std::uint64_t no_redirect_target = 0;
    std::string state; // "running", "ended", "failed: why"
};

class Host {
  public:
    Host() = default;
    virtual ~Host() = default;
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    virtual void test_run(TestRunRequest request, TestRunDone done) = 0;

    // Starts the program at the port; a number that stands for this. From now on programs at other
    // ports may redirect to it, and those here to them.
    virtual Result<std::uint32_t>
    attach(datapath::OpenedPort port, const std::shared_ptr<registry::ProgramObject>& program) = 0;
    // Another program from the next packet on.
    virtual Result<void> exchange(std::uint32_t attachment,
                                  const std::shared_ptr<registry::ProgramObject>& program) = 0;
    virtual void detach(std::uint32_t attachment) = 0;
    [[nodiscard]] virtual std::vector<AttachmentFacts> attachments() = 0;

    // A slot of a map is about to hold this object: whoever may run into it has to know it first.
    virtual Result<void> publish(const registry::MapObject& into,
                                 const std::shared_ptr<registry::Object>& held) = 0;
    // The object is on its way out; a link takes its attachment with it.
    virtual void forget(const registry::Object& object) = 0;
    // Nobody in user space writes the map from now on; busy while somebody has it mapped to write.
    virtual Result<void> seal(registry::MapObject& map) = 0;

    // Runs of a program so far; counted while somebody holds a descriptor of enable_stats().
    [[nodiscard]] virtual registry::RunCounts counts_of(const registry::ProgramObject& program) = 0;
    virtual Result<os::Fd> enable_stats() = 0;
    // How often each of its instructions is carried out, counted while the descriptor is held; see
    // workers/profile.hpp for what lies in it.
    virtual Result<os::Fd> profile(const std::shared_ptr<registry::ProgramObject>& program) = 0;

    // The ring that bpf_printk lines go to.
    virtual Result<os::Fd> trace_ring() = 0;
};

} // namespace skep::syscall
