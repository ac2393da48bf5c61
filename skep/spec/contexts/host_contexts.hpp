// SPDX-License-Identifier: Apache-2.0
//
// What R1 points at while a program runs here: the host's records.
//
// A program is compiled against the context structures of linux/bpf.h, in which addresses are
// 32-bit fields. verify/rewrite turns each access into one on the record below, by the host columns
// of the context's table; contexts/ owns and fills the records. An address here is a 64-bit number.
#pragma once

#include <cstddef>
#include <cstdint>

namespace skep::spec {

// xdp_md. The addresses come first, in the order that listings of other tools have made familiar.
struct HostXdp {
    std::uint64_t data = 0;
    std::uint64_t data_end = 0;
    std::uint64_t data_meta = 0;       // == data when there is no metadata
    std::uint64_t data_hard_start = 0; // first byte of the frame; adjust_head stays 40 bytes above
    std::uint64_t data_hard_end = 0;   // how far adjust_tail may go
    std::uint32_t ingress_ifindex = 0;
    std::uint32_t rx_queue_index = 0;
    std::uint32_t egress_ifindex = 0;
    // Bytes of the packet that follow data_end in memory and that direct access does not see: what
    // the kernel keeps in fragments. bpf_xdp_load_bytes reaches them.
    std::uint32_t beyond_bytes = 0;
};

// __sk_buff: the first 192 bytes are the structure of linux/bpf.h byte for byte, so that narrow and
// unaligned accesses need no rewrite; its three 32-bit addresses are unused and the real ones
// follow.
struct HostSkb {
    std::uint32_t len = 0, pkt_type = 0, mark = 0, queue_mapping = 0, protocol = 0,
                  vlan_present = 0;
    std::uint32_t vlan_tci = 0, vlan_proto = 0, priority = 0, ingress_ifindex = 0, ifindex = 0,
                  tc_index = 0;
    std::uint32_t cb[5] = {};
    std::uint32_t hash = 0, tc_classid = 0, unused_data = 0, unused_data_end = 0, napi_id = 0,
                  family = 0;
    std::uint32_t remote_ip4 = 0, local_ip4 = 0, remote_ip6[4] = {}, local_ip6[4] = {};
    std::uint32_t remote_port = 0, local_port = 0, unused_data_meta = 0;
    std::uint64_t flow_keys = 0, tstamp = 0;
    std::uint32_t wire_len = 0, gso_segs = 0;
    std::uint64_t sk = 0;
    std::uint32_t gso_size = 0;
    std::uint8_t tstamp_type = 0, padding[3] = {};
    std::uint64_t hwtstamp = 0;
    // What follows is the host's own.
    std::uint64_t data = 0;
    std::uint64_t data_end = 0;
    std::uint64_t data_meta = 0;
    std::uint64_t head = 0;           // first byte of the frame's memory
    std::uint64_t tail_end = 0;       // one past the last
    std::uint64_t mac_header = 0;     // address of the link-layer header
    std::uint64_t network_header = 0; // and of what follows it
};
static_assert(offsetof(HostSkb, flow_keys) == 144 && offsetof(HostSkb, hwtstamp) == 184);
static_assert(offsetof(HostSkb, data) == 192);

} // namespace skep::spec
