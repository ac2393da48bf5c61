// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Where LD_ABS and LD_IND read: positions in the packet of a socket buffer.
//
// A negative position counts from a header: from SKF_LL_OFF the link layer, from SKF_NET_OFF the
// network layer, which lies behind an Ethernet header here.
#pragma once

#include <cstdint>

#include "skep/spec/contexts/host_contexts.hpp"

namespace skep::contexts {

// The address of `size_bytes` bytes at a position, or zero when they are not all in the packet.
inline std::uint64_t classic_packet_address(const spec::HostSkb& skb, std::int64_t position,
                                            std::uint64_t size_bytes) {
    constexpr std::int64_t kNetworkLayer = -0x100000; // SKF_NET_OFF
    constexpr std::int64_t kLinkLayer = -0x200000;    // SKF_LL_OFF
    constexpr std::uint64_t kEthernetHeaderBytes = 14;
    std::uint64_t base = skb.data;
    if (position < 0) {
        const bool link = position < kNetworkLayer;
        if (skb.mac_header == 0 || position < kLinkLayer) {
            return 0;
        }
        base = skb.mac_header + (link ? 0 : kEthernetHeaderBytes);
        position -= link ? kLinkLayer : kNetworkLayer;
    }
    const std::uint64_t address = base + static_cast<std::uint64_t>(position);
    const bool inside =
        address >= base && skb.data_end >= address && skb.data_end - address >= size_bytes;
    return inside ? address : 0;
}

} // namespace skep::contexts
