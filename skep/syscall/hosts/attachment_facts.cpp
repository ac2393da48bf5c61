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
    facts.state = counters.state_text();
    return facts;
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
