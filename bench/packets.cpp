// SPDX-License-Identifier: Apache-2.0
#include "bench/packets.hpp"

#include <cstring>
#include <initializer_list>

namespace skep::bench {
namespace {

constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;

void append(ByteVector& packet, std::initializer_list<int> bytes) {
    for (const int byte : bytes) {
        packet.push_back(static_cast<std::uint8_t>(byte));
    }
}

void append_ethernet(ByteVector& packet, int type) {
    append(packet, {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, type >> 8, type & 0xff});
}

void append_ipv4(ByteVector& packet, std::uint8_t protocol, int payload) {
    const int length = 20 + payload;
    append(packet, {0x45, 0, length >> 8, length & 0xff, 0, 1, 0x40, 0, 64, protocol, 0, 0});
    append(packet, {192, 0, 2, 7, 198, 51, 100, 9});
}

void pad(ByteVector& packet, std::size_t size) {
    while (packet.size() < size) {
        packet.push_back(static_cast<std::uint8_t>(packet.size() * 37));
    }
}

// Maximum segment size, window scale, permitted selective acknowledgement, timestamps, fillers.
ByteVector tcp_segment() {
    ByteVector packet;
    append_ethernet(packet, 0x0800);
    append_ipv4(packet, kTcp, 44 + 100);
    append(packet,
           {0xc0, 1, 0x1f, 0x90, 0, 0, 0, 1, 0, 0, 0, 0, 0xb0, 0x10, 0xff, 0xff, 0, 0, 0, 0});
    append(packet, {2, 4, 5, 0xb4, 1, 3, 3, 7, 1, 1, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0});
    pad(packet, 14 + 20 + 44 + 100);
    return packet;
}

ByteVector dns_question() {
    constexpr std::string_view kName = "\x03WWW\x0d"
                                       "documentation\x07"
                                       "Example\x03net";
    ByteVector packet;
    append_ethernet(packet, 0x0800);
    append_ipv4(packet, kUdp, 8 + 12 + 40);
    append(packet, {0xc0, 1, 0, 53, 0, 60, 0, 0});
    append(packet, {1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0});
    packet.insert(packet.end(), kName.begin(), kName.end());
    append(packet, {0, 0, 1, 0, 1});
    packet.resize(120);
    return packet;
}

// Hop-by-hop options, routing, fragment, destination options, then UDP.
ByteVector ipv6_with_extensions() {
    ByteVector packet;
    append_ethernet(packet, 0x86dd);
    append(packet, {0x60, 0, 0, 0, 0, 72, 0, 64});
    pad(packet, 14 + 40);
    append(packet, {43, 1, 5, 2, 0, 0, 1, 10, 0, 0, 0, 0, 0, 0, 0, 0});
    append(packet, {44, 0, 0, 0, 0, 0, 0, 0});
    append(packet, {60, 0, 0, 0, 0, 0, 0, 1});
    append(packet, {17, 2, 1, 20});
    packet.resize(packet.size() + 20);
    append(packet, {0x30, 0x39, 0, 53, 0, 16, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8});
    return packet;
}

} // namespace

ByteVector packet_for(std::string_view program) {
    if (program == "dns") {
        return dns_question();
    }
    if (program == "ipv6_chain") {
        return ipv6_with_extensions();
    }
    return tcp_segment();
}

} // namespace skep::bench
