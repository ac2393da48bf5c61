// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/journey/packets.hpp"

#include <array>

namespace skep::journey {
namespace {

constexpr std::uint16_t kIpv4 = 0x0800;
constexpr std::uint16_t kArp = 0x0806;
constexpr std::uint16_t kIpv6 = 0x86dd;
constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kIcmpv6 = 58;
constexpr std::uint32_t kClient = 0xc0000202; // 192.0.2.2
constexpr std::uint32_t kServer = 0xc0000201; // 192.0.2.1
constexpr std::size_t kShortestFrame = 60;    // without its check sequence

ByteWriter network_order() { return ByteWriter(std::endian::big); }

// The internet checksum (RFC 1071) of bytes of even length.
std::uint16_t checksum(Bytes bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
        sum += static_cast<std::uint32_t>(bytes[i]) << 8 | bytes[i + 1];
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

ByteVector ethernet(std::uint16_t type, const ByteVector& payload) {
    constexpr std::array<std::uint8_t, 12> kAddresses{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
    ByteWriter writer = network_order();
    writer.write_bytes(kAddresses);
    writer.write(type);
    writer.write_bytes(payload);
    ByteVector frame = writer.take();
    frame.resize(std::max(frame.size(), kShortestFrame));
    return frame;
}

ByteVector ipv4_header(std::uint8_t protocol, std::size_t payload_bytes,
                       std::uint16_t header_checksum) {
    ByteWriter writer = network_order();
    writer.write(std::uint16_t{0x4500}); // version 4, five words, no service class
    writer.write(static_cast<std::uint16_t>(20 + payload_bytes));
    writer.write(std::uint32_t{0x00014000}); // identification 1, do not fragment
    writer.write(static_cast<std::uint16_t>(64U << 8 | protocol));
    writer.write(header_checksum);
    writer.write(kClient);
    writer.write(kServer);
    return writer.take();
}

ByteVector ipv4(std::uint8_t protocol, const ByteVector& payload) {
    const std::uint16_t sum = checksum(ipv4_header(protocol, payload.size(), 0));
    ByteVector packet = ipv4_header(protocol, payload.size(), sum);
    packet.insert(packet.end(), payload.begin(), payload.end());
    return ethernet(kIpv4, packet);
}

ByteVector arp_request() {
    ByteWriter writer = network_order();
    writer.write(std::uint32_t{0x00010800}); // Ethernet, IPv4
    writer.write(std::uint32_t{0x06040001}); // address sizes, request
    writer.write(std::uint32_t{0x02000000});
    writer.write(std::uint16_t{2});
    writer.write(kClient);
    writer.write(std::uint32_t{0});
    writer.write(std::uint16_t{0});
    writer.write(kServer);
    return ethernet(kArp, writer.bytes());
}

ByteVector icmp_echo() {
    ByteVector message{8, 0, 0, 0, 0, 1, 0, 1, 's', 'k', 'e', 'p'};
    const std::uint16_t sum = checksum(message);
    message[2] = static_cast<std::uint8_t>(sum >> 8);
    message[3] = static_cast<std::uint8_t>(sum);
    return ipv4(kIcmp, message);
}

ByteVector udp(std::uint16_t port) {
    constexpr std::array<std::uint8_t, 12> kDnsHeader{0, 1, 1, 0, 0, 1};
    ByteWriter writer = network_order();
    writer.write(std::uint16_t{40000});
    writer.write(port);
    writer.write(static_cast<std::uint16_t>(8 + kDnsHeader.size()));
    writer.write(std::uint16_t{0}); // no checksum, which IPv4 allows
    writer.write_bytes(kDnsHeader);
    return ipv4(kUdp, writer.bytes());
}

ByteVector tcp_syn(std::uint16_t port) {
    ByteWriter writer = network_order();
    writer.write(std::uint16_t{40001});
    writer.write(port);
    writer.write(std::uint32_t{1}); // sequence
    writer.write(std::uint32_t{0});
    writer.write(std::uint16_t{0x5002}); // five words, SYN
    writer.write(std::uint16_t{64240});
    writer.write(std::uint32_t{0}); // checksum left to the device, urgent pointer
    return ipv4(kTcp, writer.bytes());
}

ByteVector ipv6_echo() {
    constexpr std::array<std::uint8_t, 8> kEcho{128, 0, 0, 0, 0, 1, 0, 1};
    ByteWriter writer = network_order();
    writer.write(std::uint32_t{0x60000000});
    writer.write(static_cast<std::uint16_t>(kEcho.size()));
    writer.write(static_cast<std::uint16_t>(kIcmpv6 << 8 | 64));
    for (const std::uint64_t host : {2U, 1U}) {
        writer.write(std::uint64_t{0x20010db800000000}); // 2001:db8::host
        writer.write(host);
    }
    writer.write_bytes(kEcho);
    return ethernet(kIpv6, writer.bytes());
}

} // namespace

std::vector<SamplePacket> sample_packets() {
    return {{"ARP request", arp_request()},      {"ICMP echo request", icmp_echo()},
            {"UDP to port 53", udp(53)},         {"TCP SYN to port 80", tcp_syn(80)},
            {"TCP SYN to port 22", tcp_syn(22)}, {"ICMPv6 echo request", ipv6_echo()}};
}

} // namespace skep::journey
