// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Helpers that give a socket buffer another length: VLAN tags, head, tail, room inside.
//
//   head            mac_header = data (or before it)   network_header      data_end        tail_end
//   |  headroom     | link layer                       | packet ...........|  tailroom     |
//
// Room is made by moving what stands in front of it towards the head; new bytes are zero. One VLAN
// tag lives beside the packet (vlan_present), a second one inside it, as network cards keep them.
//
// Proved by: packet_test.cpp, against the kernel's answers.
#include <cerrno>
#include <cstring>

#include "skep/base/kernel_errno.hpp"
#include "skep/helpers/adapter.hpp"
#include "skep/helpers/packet/skb_access.hpp"

namespace skep::helpers {
namespace {

using spec::Helper;
using spec::HostSkb;

constexpr std::uint64_t kEtherHead = 14;
constexpr std::uint64_t kAddresses = 12; // both link-layer addresses
constexpr std::uint64_t kTag = 4;
constexpr std::uint32_t kLengthMost = 65536 + 14; // of the loopback device, which test runs use

bool is_vlan(std::uint32_t protocol) {
    return protocol == swapped(kEtherVlan) || protocol == swapped(kEtherServiceVlan);
}

std::int64_t skb_vlan_push(Invocation&, HostSkb& skb, std::uint16_t protocol, std::uint16_t tci) {
    if (!is_vlan(protocol)) {
        protocol = swapped(kEtherVlan);
    }
    if (skb.vlan_present != 0) { // the tag beside the packet goes into it
        if (!insert_room(skb, kAddresses, kTag)) {
            return -ENOMEM;
        }
        const std::uint16_t inside[2] = {static_cast<std::uint16_t>(skb.vlan_proto),
                                         swapped(static_cast<std::uint16_t>(skb.vlan_tci))};
        std::memcpy(skb_byte(skb.mac_header + kAddresses), inside, kTag);
        skb.protocol = skb.vlan_proto;
    }
    skb.vlan_present = 1;
    skb.vlan_proto = protocol;
    skb.vlan_tci = tci;
    return 0;
}

// Takes the tag out of the packet.
std::int64_t pop_inside(HostSkb& skb, std::uint16_t& tci) {
    const std::uint64_t size = skb.data_end - skb.mac_header;
    if (size < kEtherHead + kTag) {
        return -ENOMEM;
    }
    std::uint16_t words[3] = {}; // protocol of the tag, the tag, what follows
    std::memcpy(words, skb_byte(skb.mac_header + kAddresses), sizeof words);
    tci = swapped(words[1]);
    if (!remove_room(skb, kAddresses, kTag)) {
        return -ENOMEM;
    }
    skb.protocol = words[2];
    return 0;
}

std::int64_t skb_vlan_pop(Invocation&, HostSkb& skb) {
    std::uint16_t tci = 0;
    if (skb.vlan_present != 0) {
        skb.vlan_present = skb.vlan_tci = skb.vlan_proto = 0;
    } else if (!is_vlan(skb.protocol)) {
        return 0;
    } else if (const std::int64_t wrong = pop_inside(skb, tci); wrong != 0) {
        return wrong;
    }
    if (!is_vlan(skb.protocol)) {
        return 0;
    }
    const std::uint32_t protocol = skb.protocol;
    const std::int64_t wrong = pop_inside(skb, tci);
    if (wrong == 0) {
        skb.vlan_present = 1;
        skb.vlan_proto = protocol;
        skb.vlan_tci = tci;
    }
    return wrong;
}

std::int64_t skb_change_tail(Invocation&, HostSkb& skb, std::uint32_t length, std::uint64_t flags) {
    const std::uint64_t least = skb.network_header > skb.data ? skb.network_header - skb.data : 0;
    if (flags != 0 || length > kLengthMost || length < least) {
        return -EINVAL;
    }
    if (length > skb.tail_end - skb.data) {
        return -ENOMEM;
    }
    const std::uint64_t end = skb.data + length;
    if (end > skb.data_end) {
        std::memset(skb_byte(skb.data_end), 0, end - skb.data_end);
    }
    set_end(skb, end);
    return 0;
}

std::int64_t skb_change_head(Invocation&, HostSkb& skb, std::uint32_t more, std::uint64_t flags) {
    if (flags != 0 || more > kLengthMost || skb.len + more > kLengthMost) {
        return -EINVAL;
    }
    if (more > skb.data - skb.head) {
        return -ENOMEM;
    }
    skb.data -= more;
    std::memset(skb_byte(skb.data), 0, more);
    skb.mac_header = skb.data;
    set_end(skb, skb.data_end);
    return 0;
}

// IPv4 to IPv6 and back: room for the longer header, nothing written into it.
std::int64_t skb_change_proto(Invocation&, HostSkb& skb, std::uint16_t protocol,
                              std::uint64_t flags) {
    constexpr std::uint64_t kDifference = 20;
    if (flags != 0) {
        return -EINVAL;
    }
    const std::uint64_t at = skb.network_header - skb.mac_header;
    const bool grows = skb.protocol == swapped(kEtherIpv4) && protocol == swapped(kEtherIpv6);
    const bool shrinks = skb.protocol == swapped(kEtherIpv6) && protocol == swapped(kEtherIpv4);
    if (!grows && !shrinks) {
        return -kNotSupported;
    }
    if (grows ? !insert_room(skb, at, kDifference) : !remove_room(skb, at, kDifference)) {
        return -ENOMEM;
    }
    skb.protocol = protocol;
    skb.hash = 0;
    return 0;
}

enum RoomFlag : std::uint64_t {
    kFixedGso = 1 << 0,
    kEncapIpv4 = 1 << 1,
    kEncapIpv6 = 1 << 2,
    kEncapGre = 1 << 3,
    kEncapUdp = 1 << 4,
    kNoChecksumReset = 1 << 5,
    kEncapEthernet = 1 << 6,
    kDecapIpv4 = 1 << 7,
    kDecapIpv6 = 1 << 8,
    kEncapLength = std::uint64_t{0xff} << 56,
};

std::uint16_t protocol_after(const HostSkb& skb, std::uint64_t flags) {
    if ((flags & (kEncapIpv4 | kDecapIpv4)) != 0) {
        return swapped(kEtherIpv4);
    }
    return (flags & (kEncapIpv6 | kDecapIpv6)) != 0 ? swapped(kEtherIpv6)
                                                    : static_cast<std::uint16_t>(skb.protocol);
}

bool flags_fit(std::uint64_t flags, bool shrinks) {
    constexpr std::uint64_t kEncap =
        kEncapIpv4 | kEncapIpv6 | kEncapGre | kEncapUdp | kEncapEthernet;
    constexpr std::uint64_t kDecap = kDecapIpv4 | kDecapIpv6;
    const bool known =
        (flags & ~(kFixedGso | kEncap | kNoChecksumReset | kDecap | kEncapLength)) == 0;
    const bool both = (flags & kEncapIpv4) != 0 && (flags & kEncapIpv6) != 0;
    const bool both_back = (flags & kDecap) == kDecap;
    return known && !both && !both_back && (shrinks || (flags & kDecap) == 0) &&
           (!shrinks || (flags & kEncap) == 0);
}

// Room after the link-layer header (mode 1) or after the network header (mode 0).
std::int64_t skb_adjust_room(Invocation&, HostSkb& skb, std::int32_t difference, std::uint32_t mode,
                             std::uint64_t flags) {
    enum : std::uint32_t { kAfterNetwork, kAfterLinkLayer };
    constexpr std::uint64_t kRoomMost = 0xfff;
    const bool shrinks = difference < 0;
    const auto room = static_cast<std::uint64_t>(shrinks ? -std::int64_t{difference} : difference);
    if (!flags_fit(flags, shrinks)) {
        return -EINVAL;
    }
    if (room > kRoomMost) {
        return -EFAULT;
    }
    const bool ipv4 = skb.protocol == swapped(kEtherIpv4);
    const bool ipv6 = skb.protocol == swapped(kEtherIpv6);
    if ((!ipv4 && !ipv6) || mode > kAfterLinkLayer) {
        return -kNotSupported;
    }
    const std::uint64_t header = ipv4 ? 20 : 40;
    const std::uint64_t behind = skb.data_end - skb.network_header;
    const std::uint64_t kept = protocol_after(skb, flags) == swapped(kEtherIpv4) ? 20 : 40;
    if ((shrinks && (room >= behind || behind - room < kept)) ||
        (!shrinks && skb.len + room > kLengthMost)) {
        return -kNotSupported;
    }
    const std::uint64_t link_layer = skb.network_header - skb.mac_header;
    const std::uint64_t at = link_layer + (mode == kAfterNetwork ? header : 0);
    if (at > skb.data_end - skb.mac_header) {
        return -kNotSupported;
    }
    if (shrinks ? !remove_room(skb, at, room) : !insert_room(skb, at, room)) {
        return -ENOMEM;
    }
    skb.protocol = protocol_after(skb, flags);
    skb.hash = 0;
    return 0;
}

constexpr Row kRows[] = {
    {Helper::skb_vlan_push, kNative<skb_vlan_push>},
    {Helper::skb_vlan_pop, kNative<skb_vlan_pop>},
    {Helper::skb_change_tail, kNative<skb_change_tail>},
    {Helper::skb_change_head, kNative<skb_change_head>},
    {Helper::skb_change_proto, kNative<skb_change_proto>},
    {Helper::skb_adjust_room, kNative<skb_adjust_room>},
};

// The `size` bytes before the room move to `to`, and all that is counted from the front with them.
void move_front(HostSkb& skb, std::uint64_t to, std::uint64_t size) {
    const std::uint64_t by = skb.mac_header - to; // wraps when the front moves towards the tail
    std::memmove(skb_byte(to), skb_byte(skb.mac_header), size);
    skb.mac_header = to;
    skb.network_header -= by;
    skb.data -= by;
    set_end(skb, skb.data_end);
}

} // namespace

bool insert_room(HostSkb& skb, std::uint64_t at, std::uint64_t bytes) {
    if (bytes > skb.mac_header - skb.head || at > skb.data_end - skb.mac_header) {
        return false;
    }
    move_front(skb, skb.mac_header - bytes, at);
    std::memset(skb_byte(skb.mac_header + at), 0, bytes);
    return true;
}

bool remove_room(HostSkb& skb, std::uint64_t at, std::uint64_t bytes) {
    const std::uint64_t size = skb.data_end - skb.mac_header;
    if (at > size || bytes > size - at) {
        return false;
    }
    move_front(skb, skb.mac_header + bytes, at);
    return true;
}

std::span<const Row> skb_shape_helpers() { return kRows; }

} // namespace skep::helpers
