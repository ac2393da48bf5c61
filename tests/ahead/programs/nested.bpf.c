// SPDX-License-Identifier: Apache-2.0
// Maps that hold maps: arrays in an array, hashes in a hash, a slot that is empty, and an array that is both held and used.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct numbers {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4);
    __type(key, unsigned);
    __type(value, unsigned long long);
} even SEC(".maps"), odd SEC(".maps");

struct names {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, unsigned);
    __type(value, unsigned);
} low SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, 3);
    __type(key, unsigned);
    __array(values, struct numbers);
} by_parity SEC(".maps") = {
    .values = {[0] = &even, [1] = &odd},
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
    __uint(max_entries, 4);
    __type(key, unsigned);
    __array(values, struct names);
} by_size SEC(".maps") = {
    .values = {[2] = &low},
};

SEC("xdp") int nested(struct xdp_md* ctx) {
    unsigned char *data = (void*)(long)ctx->data, *end = (void*)(long)ctx->data_end;
    if (data + 14 > end)
        return XDP_ABORTED;
    unsigned parity = data[0] % 3, slot = data[1] & 7, size = data[2] & 3, one = 1, key = data[3];
    void* inner = bpf_map_lookup_elem(&by_parity, &parity);
    unsigned long long* number = inner ? bpf_map_lookup_elem(inner, &slot) : 0;
    if (number)
        *number += end - data;
    number = bpf_map_lookup_elem(&even, &one);
    if (number)
        *number += 1000;
    void* names = bpf_map_lookup_elem(&by_size, &size);
    if (names)
        bpf_map_update_elem(names, &key, &size, BPF_ANY);
    return number && names ? XDP_TX : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
