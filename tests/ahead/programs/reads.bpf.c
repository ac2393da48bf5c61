// SPDX-License-Identifier: Apache-2.0
// Helpers that look at an address themselves: of values that lie in the native object, of texts, and just outside of both.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 3);
    __type(key, unsigned);
    __type(value, unsigned long long);
} words SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 2);
    __type(key, unsigned);
    __type(value, unsigned long long);
} own SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, unsigned);
    __type(value, long long);
} answers SEC(".maps");

const volatile char text[16] = "a text";
char copy[64];
char line[64];
unsigned runs;

static void keep(unsigned number, long long answer) {
    bpf_map_update_elem(&answers, &number, &answer, BPF_ANY);
}

SEC("xdp") int reads(struct xdp_md* ctx) {
    unsigned char *data = (void*)(long)ctx->data, *end = (void*)(long)ctx->data_end;
    unsigned last = 2, first = 0;
    unsigned long long seen = 0, wide[3] = {0};
    if (data + 14 > end)
        return XDP_ABORTED;
    unsigned long long* word = bpf_map_lookup_elem(&words, &last);
    unsigned long long* mine = bpf_map_lookup_elem(&own, &first);
    if (!word || !mine)
        return XDP_ABORTED;
    *word += end - data;
    *mine += data[0];
    keep(0, bpf_probe_read_kernel(&seen, sizeof seen, word));
    keep(1, seen);
    keep(2, bpf_probe_read_kernel(&seen, sizeof seen, (char*)word + 1)); // one byte too far
    keep(3, seen);
    keep(4, bpf_probe_read_kernel(wide, 16, mine)); // both values of this CPU
    keep(5, wide[0] + wide[1]);
    keep(6, bpf_probe_read_kernel(wide, 24, mine)); // more than it has
    keep(7, bpf_probe_read_kernel_str(copy, sizeof copy, (const char*)text));
    keep(8, bpf_probe_read_kernel_str(copy, 3, (const char*)text + 2));
    keep(9, bpf_probe_read_kernel(copy + 32, 14, data)); // the packet
    keep(10, bpf_probe_read_kernel(&seen, sizeof seen, (void*)0));
    static const char format[] = "%s and %d: %pI4";
    unsigned long long arguments[] = {(unsigned long)text, data[1], (unsigned long)copy};
    keep(11, bpf_snprintf(line, sizeof line, format, arguments, sizeof arguments));
    static const char printed[] = "seen %s";
    keep(12, bpf_trace_printk(printed, sizeof printed, text));
    char own_text[8] = "mine";
    char* stack = own_text;
    asm volatile("" : "+r"(stack) : : "memory");
    keep(13, bpf_probe_read_kernel_str(copy + 48, 8, stack));
    static const char second[] = "seen %s";
    keep(14, bpf_trace_printk(second, sizeof second, stack));
    runs++;
    return data[0] & 1 ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
