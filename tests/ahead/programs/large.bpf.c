// SPDX-License-Identifier: Apache-2.0
// An array that is too large for the native object: it is made when the application begins, and its values are still reached
// without a call.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 9 << 20);
    __type(key, unsigned);
    __type(value, unsigned long long);
} large SEC(".maps");

SEC("xdp") int use(struct xdp_md* ctx) {
    unsigned char *data = (void*)(long)ctx->data, *end = (void*)(long)ctx->data_end;
    if (data + 14 > end)
        return XDP_ABORTED;
    unsigned at = (9 << 20) - 200 + data[0];
    unsigned long long* value = bpf_map_lookup_elem(&large, &at);
    if (!value)
        return XDP_ABORTED;
    *value += data[1];
    return *value & 3;
}

char _license[] SEC("license") = "GPL";
