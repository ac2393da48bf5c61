// SPDX-License-Identifier: Apache-2.0
//
// Meters flows: packets and bytes for each pair of addresses and ports, and one event in a ring
// buffer when a flow is new. Parsing is in a subprogram of its own.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct flow {
    __u8 source[16];
    __u8 target[16];
    __be16 source_port;
    __be16 target_port;
    __u8 protocol;
    __u8 version;
    __u16 zero;
};

struct meter {
    __u64 packets;
    __u64 bytes;
    __u64 first_ns;
    __u64 last_ns;
};

struct new_flow {
    __u64 time_ns;
    struct flow flow;
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 4096);
    __type(key, struct flow);
    __type(value, struct meter);
} flows SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 64 * 1024);
} new_flows SEC(".maps");

__u64 events_lost;

static __always_inline __u64 parse_ipv4(void *at, void *end, struct flow *flow)
{
    struct iphdr *ip = at;

    if ((void *)(ip + 1) > end)
        return 0;
    __builtin_memcpy(flow->source, &ip->saddr, 4);
    __builtin_memcpy(flow->target, &ip->daddr, 4);
    flow->protocol = ip->protocol;
    flow->version = 4;
    return sizeof(*ip);
}

static __always_inline __u64 parse_ipv6(void *at, void *end, struct flow *flow)
{
    struct ipv6hdr *ip = at;

    if ((void *)(ip + 1) > end)
        return 0;
    __builtin_memcpy(flow->source, &ip->saddr, 16);
    __builtin_memcpy(flow->target, &ip->daddr, 16);
    flow->protocol = ip->nexthdr;
    flow->version = 6;
    return sizeof(*ip);
}

/* 1 when the packet belongs to a flow, which is then filled in. */
static __attribute__((noinline)) int parse(struct xdp_md *ctx, struct flow *flow)
{
    void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    struct ethhdr *eth = data;
    struct udphdr *ports;
    __u64 header;

    if ((void *)(eth + 1) > end)
        return 0;
    if (eth->h_proto == bpf_htons(ETH_P_IP))
        header = parse_ipv4(eth + 1, end, flow);
    else if (eth->h_proto == bpf_htons(ETH_P_IPV6))
        header = parse_ipv6(eth + 1, end, flow);
    else
        return 0;
    if (!header)
        return 0;
    if (flow->protocol != IPPROTO_TCP && flow->protocol != IPPROTO_UDP)
        return 1;
    ports = (void *)(eth + 1) + header;
    if ((void *)(ports + 1) > end)
        return 0;
    flow->source_port = ports->source;
    flow->target_port = ports->dest;
    return 1;
}

static __always_inline void tell(const struct flow *flow, __u64 now)
{
    struct new_flow *event = bpf_ringbuf_reserve(&new_flows, sizeof(*event), 0);

    if (!event) {
        __sync_fetch_and_add(&events_lost, 1);
        return;
    }
    event->time_ns = now;
    event->flow = *flow;
    bpf_ringbuf_submit(event, 0);
}

SEC("xdp")
int flow_meter(struct xdp_md *ctx)
{
    __u64 now = bpf_ktime_get_ns(), bytes = ctx->data_end - ctx->data;
    struct meter fresh = { .packets = 1, .bytes = bytes, .first_ns = now, .last_ns = now };
    struct flow flow = {};
    struct meter *meter;

    if (!parse(ctx, &flow))
        return XDP_PASS;
    meter = bpf_map_lookup_elem(&flows, &flow);
    if (!meter) {
        if (!bpf_map_update_elem(&flows, &flow, &fresh, BPF_NOEXIST))
            tell(&flow, now);
        return XDP_PASS;
    }
    __sync_fetch_and_add(&meter->packets, 1);
    __sync_fetch_and_add(&meter->bytes, bytes);
    meter->last_ns = now;
    return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
