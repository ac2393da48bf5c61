// SPDX-License-Identifier: Apache-2.0
//
// A port by name: what may stand after `dev` for the user engine.
//
//   pcap:IN[,OUT]   replays a capture; what the program passes or sends back is written to OUT
//   tap:NAME        a TAP interface whose far end is this port
//   IF              observes an interface: the program sees a copy of what arrives
//
// Opening is the client's part (its working directory, its namespaces, its rights); it hands the
// descriptors to whoever runs the port. A port is known by its network namespace and name, or by
// absolute paths.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "skep/base/result.hpp"
#include "skep/os/fd.hpp"

namespace skep::datapath {

enum class PortKind : std::uint8_t { capture, tap, observe };

struct PortSpec {
    PortKind kind = PortKind::observe;
    std::string name;          // as listed: "pcap:/tmp/in.pcap,/tmp/out.pcap", "tap:t0", "veth0"
    std::uint32_t ifindex = 0; // or a capture's number, which it gets when it is attached
    std::uint64_t network_namespace = 0; // inode; a capture's is that of whoever attached it
    bool out_is_pcapng = false;
};

// Captures have no interface, but programs redirect by number: theirs count from here.
inline constexpr std::uint32_t kFirstCaptureNumber = 1'000'000;

struct OpenedPort {
    PortSpec spec;
    std::vector<os::Fd> files; // capture: in [, out]; tap: the TAP; observe: the packet socket
};

// Reads the name and opens what it names. Nothing is left behind when it fails.
Result<OpenedPort> open_port_files(const std::string& device);

// Whether the name can be a port here, now; for commands that found no program attached to it.
Result<void> check_device(const std::string& device);

// The name under which the port is listed, without opening anything.
Result<std::string> port_name(const std::string& device);

// What a verdict does here, in a few words for listings: "PASS and TX are written to OUT, ..."
std::string enforcement_of(PortKind kind);
const char* word_of(PortKind kind); // "pcap", "tap", "observe"

} // namespace skep::datapath
