// SPDX-License-Identifier: Apache-2.0
// An object of GCC: other relocations, other names, types by -gbtf.
#include <linux/bpf.h>
#define SEC(n) __attribute__((section(n), used))
void *bpf_map_lookup_elem(void *map, const void *key) __attribute__((kernel_helper(1)));
long bpf_trace_printk(const char *fmt, __u32 n, ...) __attribute__((kernel_helper(6)));
struct { int (*type)[BPF_MAP_TYPE_ARRAY]; int (*max_entries)[4]; __u32 *key; __u64 *value; } counts SEC(".maps");
int total; const volatile int step = 2;
static __attribute__((noinline)) int twice(int x) { total += x; return x * 2; }
SEC("xdp") int gcc_prog(struct xdp_md *ctx) { __u32 k = 1; __u64 *v = bpf_map_lookup_elem(&counts, &k); if (v) *v += step; return twice(1); }
char _license[] SEC("license") = "GPL";
