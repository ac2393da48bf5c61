/* SPDX-License-Identifier: Apache-2.0 */
/* The index is compared from above only, and is signed. Expected: E0202, and a fix. */
#include "mistake.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64[16]);
} slots SEC(".maps");

SEC("socket")
int tally(struct __sk_buff *skb)
{
    __u32 zero = 0;
    __u64 *values = bpf_map_lookup_elem(&slots, &zero);
    if (!values)
        return 0;
    int slot = skb->mark;
    if (slot > 15)
        return 0;
    values[slot]++;
    return 0;
}
