// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Bytes of a socket buffer by offset, and the fields that are more than a number.
//
// Proved by: packet_test.cpp, against the kernel's answers.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "skep/helpers/adapter.hpp"
#include "skep/helpers/packet/skb_access.hpp"

namespace skep::helpers {
namespace {

using spec::Helper;
using spec::HostSkb;

constexpr std::uint32_t kOffsetMost = 0x7fffffff;

std::int64_t skb_load_bytes(Invocation&, const HostSkb& skb, std::uint32_t offset, std::uint8_t* to,
                            std::uint32_t length) {
    if (offset > kOffsetMost || !lies_in_packet(skb, offset, length)) {
        std::memset(to, 0, length);
        return -EFAULT;
    }
    std::memmove(to, skb_byte(skb.data + offset), length);
    return 0;
}

std::int64_t skb_load_bytes_relative(Invocation&, const HostSkb& skb, std::uint32_t offset,
                                     std::uint8_t* to, std::uint32_t length,
                                     std::uint32_t start_header) {
    enum : std::uint32_t { kFromLinkLayer, kFromNetwork };
    const std::uint64_t start =
        start_header == kFromLinkLayer ? skb.mac_header : skb.network_header;
    const std::uint64_t size = skb.data_end - start;
    const bool known = start_header <= kFromNetwork && start != 0 && start <= skb.data_end;
    if (!known || offset > 0xffff || offset > size || length > size - offset) {
        std::memset(to, 0, length);
        return -EFAULT;
    }
    std::memmove(to, skb_byte(start + offset), length);
    return 0;
}

std::int64_t skb_store_bytes(Invocation&, HostSkb& skb, std::uint32_t offset,
                             const std::uint8_t* from, std::uint32_t length, std::uint64_t flags) {
    constexpr std::uint64_t kRecomputeChecksum = 1;
    constexpr std::uint64_t kInvalidateHash = 2;
    if ((flags & ~(kRecomputeChecksum | kInvalidateHash)) != 0) {
        return -EINVAL;
    }
    if (offset > kOffsetMost || !lies_in_packet(skb, offset, length)) {
        return -EFAULT;
    }
    std::memmove(skb_byte(skb.data + offset), from, length);
    if ((flags & kInvalidateHash) != 0) {
        skb.hash = 0;
    }
    return 0;
}

// The whole packet is always in one piece here.
std::int64_t skb_pull_data(Invocation&, HostSkb& skb, std::uint32_t length) {
    return length > skb.len ? -ENOMEM : 0;
}

std::int64_t skb_change_type(Invocation&, HostSkb& skb, std::uint32_t type) {
    constexpr std::uint32_t kOtherHost = 3; // the last type that a packet may be given
    if (skb.pkt_type > kOtherHost || type > kOtherHost) {
        return -EINVAL;
    }
    skb.pkt_type = type;
    return 0;
}

// The kernel's flow hash is keyed with a secret of the boot: only equality of flows can be relied
// on. Ours is of the first bytes from the network header on: addresses, and ports where there are
// no options.
std::uint32_t get_hash_recalc(Invocation&, HostSkb& skb) {
    constexpr std::uint64_t kFlowBytes = 44;
    if (skb.hash != 0) {
        return skb.hash;
    }
    const std::uint64_t start = skb.network_header != 0 ? skb.network_header : skb.data;
    const std::uint64_t end = std::min(skb.data_end, start + kFlowBytes);
    const bool ipv4 = skb.protocol == swapped(kEtherIpv4);
    // Addresses (and in IPv4 the ports behind them); what changes from packet to packet comes
    // before.
    const std::uint64_t first = start + (ipv4 ? 12 : 8);
    const std::uint64_t last = ipv4 ? std::min(end, start + 24) : end;
    std::uint64_t state = 0x9e3779b97f4a7c15;
    for (std::uint64_t at = first; at < last; ++at) {
        state = (state ^ *skb_byte(at)) * 0x100000001b3;
    }
    skb.hash = std::max<std::uint32_t>(static_cast<std::uint32_t>(state ^ (state >> 32)), 1);
    return skb.hash;
}

std::int64_t set_hash(Invocation&, HostSkb& skb, std::uint32_t hash) {
    skb.hash = hash;
    return 0;
}

void set_hash_invalid(Invocation&, HostSkb& skb) { skb.hash = 0; }

// No socket of a cgroup stands behind these packets, and they were not routed.
std::uint32_t get_cgroup_classid(Invocation&, const HostSkb&) { return 0; }
std::uint32_t get_route_realm(Invocation&, const HostSkb&) { return 0; }

constexpr Row kByteRows[] = {
    {Helper::skb_load_bytes, kNative<skb_load_bytes>},
    {Helper::skb_load_bytes_relative, kNative<skb_load_bytes_relative>},
    {Helper::skb_store_bytes, kNative<skb_store_bytes>},
    {Helper::skb_pull_data, kNative<skb_pull_data>},
};

constexpr Row kFieldRows[] = {
    {Helper::skb_change_type, kNative<skb_change_type>},
    {Helper::get_hash_recalc, kNative<get_hash_recalc>},
    {Helper::set_hash, kNative<set_hash>},
    {Helper::set_hash_invalid, kNative<set_hash_invalid>},
    {Helper::get_cgroup_classid, kNative<get_cgroup_classid>},
    {Helper::skb_cgroup_classid, kNative<get_cgroup_classid>},
    {Helper::get_route_realm, kNative<get_route_realm>},
};

} // namespace

std::span<const Row> skb_byte_helpers() { return kByteRows; }
std::span<const Row> skb_field_helpers() { return kFieldRows; }

} // namespace skep::helpers
