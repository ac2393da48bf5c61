/* SPDX-License-Identifier: Apache-2.0 */
/* An index from outside is used as it comes. Expected: E0304, and a fix. */
#include "mistake.h"

struct table {
    __u64 total;
    __u64 slots[16];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct table);
} tables SEC(".maps");

SEC("socket")
int tally(struct __sk_buff *skb)
{
    __u32 zero = 0;
    struct table *table = bpf_map_lookup_elem(&tables, &zero);
    if (!table)
        return 0;
    __u32 slot = skb->mark;
    table->slots[slot]++;
    return 0;
}
