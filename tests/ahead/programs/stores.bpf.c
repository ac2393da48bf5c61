// SPDX-License-Identifier: Apache-2.0
// Every kind of store that an application may read afterwards, callbacks over it, and a lock in a value.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct prefix {
    unsigned bits;
    unsigned char bytes[4];
};
struct guarded {
    struct bpf_spin_lock lock;
    unsigned sum;
};

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 64);
    __type(key, struct prefix);
    __type(value, unsigned);
} routes SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_HASH);
    __uint(max_entries, 64);
    __type(key, unsigned);
    __type(value, unsigned long long);
} per_cpu SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_QUEUE);
    __uint(max_entries, 8);
    __type(value, unsigned);
} recent SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 512);
    __type(key, unsigned);
    __type(value, unsigned);
} flows SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2);
    __type(key, unsigned);
    __type(value, struct guarded);
} guards SEC(".maps");

unsigned long long total;
unsigned popped;

static long add(void* map, unsigned* key, unsigned* value, unsigned* sum) {
    *sum += *key ^ *value;
    return 0;
}

static long step(unsigned round, unsigned* sum) {
    *sum = *sum * 31 + round;
    return *sum % 17 == 0;
}

SEC("xdp") int stores(struct xdp_md* ctx) {
    unsigned char *data = (void*)(long)ctx->data, *end = (void*)(long)ctx->data_end;
    if (data + 14 > end)
        return XDP_ABORTED;
    unsigned size = end - data, byte = data[0], sum = 0, gone = 0, slot = byte & 1;
    struct prefix where = {data[1] % 33, {data[2], data[3], data[4], data[5]}};
    if (data[6] & 1)
        bpf_map_update_elem(&routes, &where, &size, BPF_ANY);
    where.bits = 32;
    unsigned* route = bpf_map_lookup_elem(&routes, &where);
    unsigned long long one = 1, *mine = bpf_map_lookup_elem(&per_cpu, &byte);
    if (mine)
        *mine += size;
    else
        bpf_map_update_elem(&per_cpu, &byte, &one, BPF_NOEXIST);
    if (bpf_map_push_elem(&recent, &size, 0) && bpf_map_pop_elem(&recent, &gone) == 0)
        popped += gone;
    bpf_map_update_elem(&flows, &byte, &size, BPF_ANY);
    if (data[7] & 1)
        bpf_map_delete_elem(&flows, &byte);
    bpf_for_each_map_elem(&flows, add, &sum, 0);
    bpf_loop(data[8], step, &sum, 0);
    struct guarded* guard = bpf_map_lookup_elem(&guards, &slot);
    if (guard) {
        bpf_spin_lock(&guard->lock);
        guard->sum += sum;
        bpf_spin_unlock(&guard->lock);
    }
    total += sum + (route ? *route : 7);
    data[9] = sum;
    return bpf_xdp_adjust_head(ctx, (data[10] & 1) ? 4 : -4) ? XDP_DROP : XDP_TX;
}

char _license[] SEC("license") = "GPL";
