// SPDX-License-Identifier: Apache-2.0
//
// Sends each packet where entry 0 of a device map says, or passes it when the entry is empty.
#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value)* name

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(max_entries, 4);
    __type(key, __u32);
    __type(value, __u32);
} targets SEC(".maps");

static long (*redirect_map)(void* map, __u64 key, __u64 flags) = (void*)51;

SEC("xdp") int elsewhere(struct xdp_md* context) { return redirect_map(&targets, 0, XDP_PASS); }
SEC("xdp") int keep(struct xdp_md* context) { return XDP_PASS; }

char redirect_license[] SEC("license") = "Dual BSD/GPL";
