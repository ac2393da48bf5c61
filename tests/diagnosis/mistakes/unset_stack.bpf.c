/* SPDX-License-Identifier: Apache-2.0 */
/* A key has padding that is never written. Needs a loader without CAP_PERFMON, others
 * may read it. Expected: E0408, and a fix. Unprivileged. */
#include "mistake.h"

struct key {
    __u8 protocol;
    __u32 mark;
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16);
    __type(key, struct key);
    __type(value, __u64);
} flows SEC(".maps");

SEC("socket")
int look(struct __sk_buff *skb)
{
    struct key key;
    key.protocol = 6;
    key.mark = skb->mark;
    __u64 *value = bpf_map_lookup_elem(&flows, &key);
    return value ? 1 : 0;
}
