// SPDX-License-Identifier: Apache-2.0
//
// A handful of packets such as any network carries, for a program that has none of its own to look
// at: ARP, ICMP, DNS over UDP, TCP to ports 80 and 22, IPv6. Addresses are those reserved for
// documentation (RFC 5737, RFC 3849).
#pragma once

#include <string>
#include <vector>

#include "skep/base/bytes.hpp"

namespace skep::journey {

struct SamplePacket {
    std::string what; // "UDP to port 53"
    ByteVector frame;
};

std::vector<SamplePacket> sample_packets();

} // namespace skep::journey
