// SPDX-License-Identifier: Apache-2.0
//
// Attributes of skep's own commands: what bpf(2) has no call for. Laid out by the rules of abi.hpp;
// both ends are of one build, so these may change with it.
#pragma once

#include <cstdint>

namespace skep::abi {

inline constexpr std::uint32_t kPortFiles = 2; // a capture to read and one to write
inline constexpr std::uint32_t kPortReplace = 1U << 0;
inline constexpr std::uint32_t kPortOutIsPcapng = 1U << 1;

struct PortAttachAttr {
    std::uint64_t name; // as listed: absolute, so that it means the same everywhere
    std::uint64_t network_namespace;
    std::uint32_t prog_fd, kind, ifindex, flags;
    std::int32_t files[kPortFiles];
    std::uint32_t file_count, padding;
};

struct PortDetachAttr {
    std::uint64_t name, network_namespace;
};

// Records follow each other in the buffer: PortRecord, then name and state as text.
struct PortListAttr {
    std::uint64_t records;
    std::uint32_t size, needed; // room in bytes; what all records take
};
struct PortRecord {
    std::uint32_t id, kind, ifindex, prog_id;
    std::uint64_t network_namespace;
    std::uint64_t verdicts[5];
    std::uint64_t no_redirect_target; // of those that were redirected
    std::uint32_t name_bytes, state_bytes;
};

struct EngineFactsAttr {
    std::uint64_t pin_directory;
    std::uint32_t size, cpu_count, pid, padding;
};

struct ObjectFactsAttr {
    std::uint32_t fd, frozen;
    std::uint64_t memlock;
};

struct TraceOpenAttr {
    std::uint32_t flags;
};

// Where the machine code of each running instruction begins, as u32 from the whole code's
// beginning; one more at the end. `needed` becomes how many there are: 0 when there is no machine
// code.
struct ProgramCodeAttr {
    std::uint64_t offsets;
    std::uint32_t fd, count, needed, padding;
};

// Counts how often each instruction of the program is carried out, as long as the descriptor that
// is answered stays open somewhere. It holds a u64 for each running instruction, and one at the end
// for the runs from outside.
struct ProgramProfileAttr {
    std::uint32_t fd, flags;
};

// How the daemon stands: answers in the attributes themselves.
struct DaemonStatusAttr {
    std::uint64_t log_path;
    std::uint32_t size, pid;
    std::uint64_t started_ns; // CLOCK_BOOTTIME
    std::uint32_t clients, workers, programs, maps, types, links, pins, attachments;
};

struct DaemonStopAttr {
    std::uint32_t force; // not 0: although objects would be lost
};

} // namespace skep::abi
