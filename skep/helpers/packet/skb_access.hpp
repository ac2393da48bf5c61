// SPDX-License-Identifier: Apache-2.0
//
// Data plane. What the helpers on socket buffers share: bounds, and moving the edges.
#pragma once

#include <cstdint>

#include "skep/spec/contexts/host_contexts.hpp"

namespace skep::helpers {

inline std::uint8_t* skb_byte(std::uint64_t address) {
    return reinterpret_cast<std::uint8_t*>(address); // NOLINT: the buffer's memory
}

// Whether [offset, offset + length), counted from `data`, lies in the packet.
inline bool lies_in_packet(const spec::HostSkb& skb, std::uint64_t offset, std::uint64_t length) {
    const std::uint64_t size = skb.data_end - skb.data;
    return offset <= size && length <= size - offset;
}

// The packet's length has changed: what tells it must agree.
inline void set_end(spec::HostSkb& skb, std::uint64_t data_end) {
    skb.data_end = data_end;
    skb.len = static_cast<std::uint32_t>(data_end - skb.data);
}

// Inserts zeroes, or removes bytes, at `at` bytes from the link-layer header, moving what stands
// before it; the packet then begins `bytes` earlier or later. False when there is no room.
bool insert_room(spec::HostSkb& skb, std::uint64_t at, std::uint64_t bytes);
bool remove_room(spec::HostSkb& skb, std::uint64_t at, std::uint64_t bytes);

inline constexpr std::uint16_t kEtherIpv4 = 0x0800;
inline constexpr std::uint16_t kEtherIpv6 = 0x86dd;
inline constexpr std::uint16_t kEtherVlan = 0x8100;
inline constexpr std::uint16_t kEtherServiceVlan = 0x88a8;

constexpr std::uint16_t swapped(std::uint16_t number) { return __builtin_bswap16(number); }

} // namespace skep::helpers
