// SPDX-License-Identifier: Apache-2.0
//
// Counts in the inner map that a map of maps holds, then goes on to the program that a program array
// holds. Run many times over, it meets what is put into both while it runs.
#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value)* name
#define __array(name, value) typeof(value)* name[]

struct counter {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
};
struct counter first SEC(".maps");
struct counter second SEC(".maps");
struct counter arrivals SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, 1);
    __type(key, __u32);
    __array(values, struct counter);
} outer SEC(".maps") = {.values = {&first}};

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} calls SEC(".maps");

static void* (*map_lookup_elem)(void* map, const void* key) = (void*)1;
static long (*tail_call)(void* context, void* map, __u32 index) = (void*)12;

SEC("xdp") int begin(struct xdp_md* context) {
    __u32 key = 0;
    void* inner = map_lookup_elem(&outer, &key);
    if (inner) {
        __u64* count = map_lookup_elem(inner, &key);
        if (count) {
            *count += 1;
        }
    }
    tail_call(context, &calls, 0);
    return XDP_PASS;
}

SEC("xdp") int arrive(struct xdp_md* context) {
    __u32 key = 0;
    __u64* count = map_lookup_elem(&arrivals, &key);
    if (count) {
        *count += 1;
    }
    return XDP_DROP;
}

char busy_license[] SEC("license") = "Dual BSD/GPL";
