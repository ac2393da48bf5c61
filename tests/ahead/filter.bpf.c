// SPDX-License-Identifier: Apache-2.0
// What an application can be given with nothing but a header: a packet that is read and changed,
// arrays, per-CPU arrays, global data of every kind, a subprogram; on a packet and on a socket
// buffer.
#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, value) int(*name)[value]
#define __type(name, type) typeof(type)* name

static void* (*bpf_map_lookup_elem)(void* map, const void* key) = (void*)1;
static unsigned (*bpf_get_smp_processor_id)(void) = (void*)8;

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 200);
    __type(key, unsigned);
    __type(value, unsigned long long);
} by_byte SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 2);
    __type(key, unsigned);
    __type(value, unsigned);
} per_cpu SEC(".maps");

unsigned long long seen;
volatile unsigned limit = 20;
const volatile unsigned char wanted = 6;

SEC("xdp") int count(struct xdp_md* ctx) {
    unsigned char *data = (void*)(long)ctx->data, *end = (void*)(long)ctx->data_end;
    seen++;
    if (data + 14 > end) return XDP_ABORTED;
    unsigned key = data[0]; // 200 and above: there is no such entry
    unsigned long long* value = bpf_map_lookup_elem(&by_byte, &key);
    if (value) *value += end - data;
    unsigned one = 1;
    unsigned* mine = bpf_map_lookup_elem(&per_cpu, &one);
    if (mine) *mine += bpf_get_smp_processor_id() + 1;
    data[13] ^= 0x55;
    return data[12] == wanted && end - data > limit ? XDP_TX : XDP_PASS;
}

static __attribute__((noinline)) int weigh(unsigned length) {
    unsigned sum = 0;
    for (unsigned i = 0; i < (length & 63); i++)
        sum += (sum ^ i) * length + length / (i + 1);
    return sum;
}

SEC("tc") int size(struct __sk_buff* skb) { return weigh(skb->len) + skb->mark; }

char _license[] SEC("license") = "GPL";
