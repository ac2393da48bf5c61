/* SPDX-License-Identifier: Apache-2.0 */
/* The ends of two branches are joined into one access through two kinds of pointer, as compilers
 * do. Expected: E0308.
 * Suggests: asm volatile("" ::: "memory") */
#include "mistake.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} marks SEC(".maps");

SEC("tc")
int choose(struct __sk_buff *skb)
{
    __u32 zero = 0;
    __u32 *value = bpf_map_lookup_elem(&marks, &zero);
    if (!value)
        return 0;
    __u32 mark;
    if (skb->queue_mapping == 3) {
        mark = *(volatile __u32 *)value;
#ifdef FIXED
        asm volatile("" ::: "memory");
#endif
    } else {
        mark = *(volatile __u32 *)&skb->len;
    }
    return mark == 5;
}
