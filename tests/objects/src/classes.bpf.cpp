// SPDX-License-Identifier: Apache-2.0
// A class with a function, a template, a namespace: what a C++ compiler writes down of them.
#include <linux/bpf.h>
#include <linux/if_ether.h>
extern "C" {
static void* (*const lookup)(void* map, const void* key) = (void* (*)(void*, const void*))1;
static long (*const trace)(const char* fmt, __u32 n, ...) = (long (*)(const char*, __u32, ...))6;
}
template <class K, class V, int T, int N>
struct Map {
    int (*type)[T];
    int (*max_entries)[N];
    K* key;
    V* value;
};
namespace stats {
struct Count {
    __u64 packets;
    __u64 bytes;
    void add(__u64 n) {
        packets++;
        bytes += n;
    }
};
} // namespace stats
__attribute__((section(".maps"), used)) Map<__u32, stats::Count, BPF_MAP_TYPE_ARRAY, 2> counts;
enum class Verdict : int { drop = XDP_DROP, pass = XDP_PASS };
template <class T>
static __attribute__((always_inline)) bool fits(const T* p, const void* end) {
    return (const void*)(p + 1) <= end;
}
static __attribute__((noinline)) Verdict judge(__u16 proto) {
    return proto == 0x0608 ? Verdict::drop : Verdict::pass;
}
extern "C" __attribute__((section("xdp"), used)) int cpp_prog(struct xdp_md* ctx) {
    auto* eth = (const ethhdr*)(long)ctx->data;
    auto* end = (const void*)(long)ctx->data_end;
    if (!fits(eth, end)) return XDP_ABORTED;
    __u32 zero = 0;
    if (auto* c = (stats::Count*)lookup(&counts, &zero))
        c->add((const char*)end - (const char*)eth);
    static const char fmt[] = "proto %x\n";
    trace(fmt, sizeof fmt, eth->h_proto);
    return (int)judge(eth->h_proto);
}
extern "C" {
extern __attribute__((section("license"), used)) const char _license[4];
const char _license[4] = "GPL";
}
