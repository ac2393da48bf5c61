/* SPDX-License-Identifier: Apache-2.0 */
/* The key is passed instead of its address. Expected: E0405, and a fix. */
#include "mistake.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16);
    __type(key, __u64);
    __type(value, __u64);
} seen SEC(".maps");

SEC("xdp")
int look(struct xdp_md *ctx)
{
    __u64 key = ctx->rx_queue_index;
    __u64 *value = bpf_map_lookup_elem(&seen, (void *)key);
    return value ? XDP_DROP : XDP_PASS;
}
