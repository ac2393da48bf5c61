/* SPDX-License-Identifier: Apache-2.0 */
/* The program that docs/verifier.md follows: counts packets by a part of their Ethernet type. With
 * -DMISTAKE one line is missing. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>

struct totals {
    __u64 packets[8];
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct totals);
} table SEC(".maps");

SEC("xdp")
int kinds(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data;
    void *data_end = (void *)(long)ctx->data_end;
    struct ethhdr *eth = data;
    if ((void *)(eth + 1) > data_end)
        return XDP_PASS;
    __u32 zero = 0;
    struct totals *totals = bpf_map_lookup_elem(&table, &zero);
    if (!totals)
        return XDP_PASS;
    __u32 kind = eth->h_source[5];
#ifndef MISTAKE
    kind &= 7;
#endif
    totals->packets[kind]++;
    return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
