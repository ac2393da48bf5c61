/* SPDX-License-Identifier: Apache-2.0 */
/* A value is used without a test whether the key was there. Expected: E0203, and a fix. */
#include "mistake.h"

struct counter {
    __u64 packets;
    __u64 bytes;
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16);
    __type(key, __u32);
    __type(value, struct counter);
} counters SEC(".maps");

SEC("xdp")
int count(struct xdp_md *ctx)
{
    __u32 key = ctx->ingress_ifindex;
    struct counter *counter = bpf_map_lookup_elem(&counters, &key);
    counter->packets++;
    return XDP_PASS;
}
