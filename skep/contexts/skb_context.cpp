// SPDX-License-Identifier: Apache-2.0
#include "skep/contexts/skb_context.hpp"

#include <algorithm>
#include <cstring>

namespace skep::contexts {
namespace {

constexpr std::size_t kHeadroom = 8192;
constexpr std::size_t kKept = 16; // so that a link-layer header always fits in front
constexpr std::size_t kLongest = 65536 + kEthernetBytes;
constexpr std::uint32_t kLoopback = 1;

enum PacketType : std::uint32_t { kHost = 0, kMulticast = 2, kOtherHost = 3 };

// The loopback device's own address and broadcast address are zero, so that all ones is a group
// like any other.
std::uint32_t packet_type_of(Bytes frame) {
    const bool group = (frame[0] & 1) != 0;
    const bool own =
        std::all_of(frame.begin(), frame.begin() + 6, [](auto byte) { return byte == 0; });
    return group ? kMulticast : own ? kHost : kOtherHost;
}

// In network order. Below 1536 the field is a length (IEEE 802.3) and the protocol has a number of
// its own: 1 for raw frames, 4 for those with an 802.2 header.
std::uint32_t protocol_of(Bytes frame) {
    constexpr std::uint32_t kLeastEtherType = 1536;
    constexpr std::uint16_t kRaw = 0x0001;
    constexpr std::uint16_t k8022 = 0x0004;
    const auto number = static_cast<std::uint32_t>(frame[12] << 8 | frame[13]);
    if (number >= kLeastEtherType) {
        return static_cast<std::uint32_t>(frame[13] << 8 | frame[12]);
    }
    const bool raw = frame.size() >= 16 && frame[14] == 0xff && frame[15] == 0xff;
    return __builtin_bswap16(raw ? kRaw : k8022);
}

} // namespace

SkbContext::SkbContext(Bytes frame, FirstLayer first)
    : memory_(kHeadroom + kLongest), first_(first) {
    std::ranges::copy(frame, memory_.begin() + kHeadroom);
    const auto start = reinterpret_cast<std::uint64_t>(memory_.data());
    record_.head = start + kKept;
    record_.tail_end = start + memory_.size();
    record_.mac_header = start + kHeadroom;
    record_.network_header = record_.mac_header + kEthernetBytes;
    record_.data = first == FirstLayer::link ? record_.mac_header : record_.network_header;
    record_.data_end = record_.mac_header + frame.size();
    record_.data_meta = record_.data;
    record_.len = static_cast<std::uint32_t>(record_.data_end - record_.data);
    record_.pkt_type = packet_type_of(frame);
    record_.protocol = protocol_of(frame);
    record_.ifindex = kLoopback;
}

Bytes SkbContext::frame() {
    const std::uint64_t pulled = first_ == FirstLayer::network ? kEthernetBytes : 0;
    const auto start = reinterpret_cast<std::uint64_t>(memory_.data());
    const std::uint64_t first = record_.data - pulled - start;
    std::memset(memory_.data() + first, 0, pulled);
    return Bytes(memory_).subspan(first, record_.data_end - start - first);
}

} // namespace skep::contexts
