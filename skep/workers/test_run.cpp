// SPDX-License-Identifier: Apache-2.0
#include "skep/workers/test_run.hpp"

namespace skep::workers {

Result<TestRunAnswer> perform_test_run(const ProgramTable& table, std::uint32_t program_id,
                                       const TestRun& run, std::uint32_t cpu,
                                       const os::InterfaceTable& interfaces) {
    run::Executable* executable = table.entry(program_id);
    if (executable == nullptr) {
        return fail(Code::not_found, "the program is not known to this worker");
    }
    const std::vector<maps::Map*> maps = table.maps_of(program_id);
    run::TestSubject subject;
    subject.executable = executable;
    subject.type = table.verified(program_id)->spec().type;
    subject.maps = maps;
    subject.services = &table.services();
    subject.slot = cpu;
    subject.device_exists = [&interfaces](std::uint32_t ifindex) {
        return interfaces.has(ifindex);
    };
    return run::perform_test_run(run, subject);
}

} // namespace skep::workers
