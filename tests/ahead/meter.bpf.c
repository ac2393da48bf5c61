// SPDX-License-Identifier: Apache-2.0
// What an application is given with the runtime library: a hash map, an array that a helper changes, global data, helpers that
// move the packet's end and that call back.
#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, value) int(*name)[value]
#define __type(name, type) typeof(type)* name

static void* (*bpf_map_lookup_elem)(void* map, const void* key) = (void*)1;
static long (*bpf_map_update_elem)(void* map, const void* key, const void* value, unsigned long long flags) = (void*)2;
static long (*bpf_xdp_adjust_tail)(void* ctx, int delta) = (void*)65;
static long (*bpf_loop)(unsigned rounds, void* function, void* data, unsigned long long flags) = (void*)181;

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, unsigned);
    __type(value, unsigned long long);
} flows SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4);
    __type(key, unsigned);
    __type(value, unsigned long long);
} last SEC(".maps");

unsigned rounds;
unsigned start = 7;

static long add(unsigned round, void* data) {
    *(unsigned*)data += round * start;
    rounds++;
    return 0;
}

SEC("xdp") int meter(struct xdp_md* ctx) {
    unsigned char *data = (void*)(long)ctx->data, *end = (void*)(long)ctx->data_end;
    if (data + 16 > end)
        return XDP_ABORTED;
    unsigned key = data[0] & 15, sum = 0, slot = 3;
    unsigned long long size = end - data, *value = bpf_map_lookup_elem(&flows, &key);
    if (value)
        *value += size;
    else
        bpf_map_update_elem(&flows, &key, &size, BPF_ANY);
    bpf_map_update_elem(&last, &slot, &size, BPF_ANY);
    value = bpf_map_lookup_elem(&last, &slot);
    bpf_loop(data[1] & 7, add, &sum, 0);
    data[2] = sum + (value ? *value : 0);
    return bpf_xdp_adjust_tail(ctx, -2) ? XDP_DROP : XDP_TX;
}

char _license[] SEC("license") = "GPL";
