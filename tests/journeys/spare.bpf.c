/* SPDX-License-Identifier: Apache-2.0 */
/* Two programs of one object: one uses a map of sockets, which the user engine does not carry. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_SOCKHASH);
    __uint(max_entries, 4);
    __type(key, int);
    __type(value, long);
} sockets SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4);
    __type(key, int);
    __type(value, int);
} numbers SEC(".maps");

SEC("xdp") int counts(struct xdp_md* context) {
    int key = 1, *number = bpf_map_lookup_elem(&numbers, &key);
    if (!number) return XDP_ABORTED;
    *number += 1;
    return *number + 40;
}

/* An interface, which is a map as well, with programs in its slots. */
struct sock;
SEC("struct_ops") int slow_start(unsigned long long* context) { return 2; }
SEC("struct_ops") int as_before(unsigned long long* context) { return 2; }
struct tcp_congestion_ops {
    int (*ssthresh)(struct sock*);
    int (*undo_cwnd)(struct sock*);
    char name[16];
} __attribute__((preserve_access_index));
SEC(".struct_ops")
struct tcp_congestion_ops mine = {
    .ssthresh = (void*)slow_start, .undo_cwnd = (void*)as_before, .name = "mine"};

SEC("sk_skb/stream_verdict") int redirects(struct __sk_buff* context) {
    int key = 1;
    return bpf_sk_redirect_hash(context, &sockets, &key, 0);
}

char LICENSE[] SEC("license") = "GPL";
