// SPDX-License-Identifier: Apache-2.0
// Tail calls: to programs that stand in their array from the beginning, to an empty slot, to itself until that is refused,
// from a subprogram, and back into a program with maps of its own.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

int first(struct xdp_md* ctx);
int second(struct xdp_md* ctx);
int again(struct xdp_md* ctx);

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 8);
    __type(key, unsigned);
    __array(values, int(struct xdp_md*));
} jumps SEC(".maps") = {
    .values = {[1] = (void*)&first, [3] = (void*)&second, [6] = (void*)&again},
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16);
    __type(key, unsigned);
    __type(value, unsigned);
} counts SEC(".maps");

unsigned rounds;
unsigned long long fell_through;

static __attribute__((noinline)) int count(unsigned key) {
    unsigned one = 1, *known = bpf_map_lookup_elem(&counts, &key);
    if (known)
        *known += 1;
    else
        bpf_map_update_elem(&counts, &key, &one, BPF_ANY);
    return known ? *known : 1;
}

SEC("xdp") int first(struct xdp_md* ctx) {
    count(1);
    bpf_tail_call(ctx, &jumps, 3);
    return XDP_ABORTED;
}

SEC("xdp") int second(struct xdp_md* ctx) {
    return count(2) & 1 ? XDP_TX : XDP_DROP;
}

SEC("xdp") int again(struct xdp_md* ctx) {
    rounds++;
    bpf_tail_call(ctx, &jumps, 6);
    count(3);
    return XDP_PASS;
}

SEC("xdp") int entry(struct xdp_md* ctx) {
    unsigned char *data = (void*)(long)ctx->data, *end = (void*)(long)ctx->data_end;
    if (data + 14 > end)
        return XDP_ABORTED;
    data[13]++;
    bpf_tail_call(ctx, &jumps, data[0] % 9);
    fell_through++;
    return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
