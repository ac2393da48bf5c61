// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/hosts/attachment_facts.hpp"

namespace skep::syscall {

AttachmentFacts facts_of(std::uint32_t number, const datapath::PortSpec& port,
                         std::uint32_t program_id, const datapath::SharedCounters& counters) {
    AttachmentFacts facts;
    facts.id = number;
    facts.port = port;
    facts.program_id = program_id;
    for (const auto& verdict : counters->verdicts) {
        facts.verdicts.push_back(verdict.load(std::memory_order_relaxed));
    }
    facts.no_redirect_target = counters->no_redirect_target.load(std::memory_order_relaxed);
    facts.state = counters.state_text();
    return facts;
}

Result<os::Fd> transmit_file_of(const datapath::OpenedPort& port) {
    const std::size_t place = port.spec.kind == datapath::PortKind::capture ? 1 : 0;
    if (port.spec.kind == datapath::PortKind::observe || place >= port.files.size()) {
        return os::Fd();
    }
    return port.files[place].duplicate();
}

bool reaches(const datapath::PortSpec& from, const datapath::PortSpec& to) {
    return to.kind == datapath::PortKind::capture || from.network_namespace == to.network_namespace;
}

std::vector<std::uint32_t> map_ids_of(const registry::ProgramObject& program) {
    std::vector<std::uint32_t> ids;
    for (const auto& map : program.maps) {
        ids.push_back(map->id());
    }
    // What fd_array bound without an instruction that mentions it is not the program's to bind.
    ids.resize(program.program->maps().size());
    return ids;
}

} // namespace skep::syscall
