// SPDX-License-Identifier: Apache-2.0
//
// What a port's counters say, as a record; and the map ids of a program.
#pragma once

#include "skep/datapath/port_counters.hpp"
#include "skep/syscall/host.hpp"

namespace skep::syscall {

AttachmentFacts facts_of(std::uint32_t number, const datapath::PortSpec& port,
                         std::uint32_t program_id, const datapath::SharedCounters& counters);

// What other ports send through, to be kept beside the port: its TAP, or the capture it writes; not
// open for a port that takes nothing from others.
Result<os::Fd> transmit_file_of(const datapath::OpenedPort& port);
// Whether programs at the one port may redirect to the other: they are in one network. Captures are
// in all.
bool reaches(const datapath::PortSpec& from, const datapath::PortSpec& to);

// By the index that instructions carry.
std::vector<std::uint32_t> map_ids_of(const registry::ProgramObject& program);

} // namespace skep::syscall
