// SPDX-License-Identifier: Apache-2.0
// What an application does with a unit beside running it: reads a ring and a queue, hears bpf_printk, changes which programs and
// maps stand in slots, and finds global variables.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1); // a page, wherever it runs
} records SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_QUEUE);
    __uint(max_entries, 4);
    __type(value, unsigned);
} sizes SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 2);
    __type(key, unsigned);
    __type(value, unsigned);
} jumps SEC(".maps");

struct numbers {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, unsigned);
    __type(value, unsigned);
} spare SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, 1);
    __type(key, unsigned);
    __array(values, struct numbers);
} chosen SEC(".maps") = {.values = {[0] = &spare}};

unsigned before, seen;
unsigned limit = 3;

SEC("xdp") int record(struct xdp_md* ctx) {
    unsigned size = ctx->data_end - ctx->data, zero = 0;
    before = ~seen;
    seen++;
    unsigned* note = bpf_ringbuf_reserve(&records, 4, 0);
    if (note) {
        *note = size + seen;
        bpf_ringbuf_submit(note, 0);
    }
    bpf_map_push_elem(&sizes, &size, BPF_EXIST);
    void* inner = bpf_map_lookup_elem(&chosen, &zero);
    unsigned* count = inner ? bpf_map_lookup_elem(inner, &zero) : 0;
    if (count)
        *count += 1;
    if (seen > limit)
        bpf_printk("more than %d", limit);
    bpf_tail_call(ctx, &jumps, 1);
    return XDP_PASS;
}

SEC("xdp") int other(struct xdp_md* ctx) {
    return XDP_TX;
}

char _license[] SEC("license") = "GPL";
