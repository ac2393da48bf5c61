// SPDX-License-Identifier: Apache-2.0
//
// Drops TCP connection attempts to guarded ports. The ports are keys of a hash map that anyone may
// fill while it runs; what happened is counted per CPU.
//
//   skep prog load port_guard.bpf.o /sys/fs/bpf/port_guard
//   skep map update name guarded_ports key 0x00 0x16 value 1 0 0 0      # port 22, network order
//   skep net attach xdp name port_guard dev pcap:in.pcap,out.pcap
//   skep map dump name seen
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum outcome { OTHER, ALLOWED, REFUSED, OUTCOMES };

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1024);
    __type(key, __be16);
    __type(value, __u32);
} guarded_ports SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, OUTCOMES);
    __type(key, __u32);
    __type(value, __u64);
} seen SEC(".maps");

const volatile _Bool log_refused = 1;

static __always_inline int answer(__u32 outcome, int verdict)
{
    __u64 *count = bpf_map_lookup_elem(&seen, &outcome);

    if (count)
        *count += 1;
    return verdict;
}

SEC("xdp")
int port_guard(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    struct ethhdr *eth = data;
    struct iphdr *ip = (void *)(eth + 1);
    struct tcphdr *tcp;

    if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->protocol != IPPROTO_TCP)
        return answer(OTHER, XDP_PASS);
    if (ip->ihl < 5)
        return answer(OTHER, XDP_DROP);
    tcp = (void *)ip + ip->ihl * 4;
    if ((void *)(tcp + 1) > end)
        return answer(OTHER, XDP_DROP);
    if (!tcp->syn || tcp->ack || !bpf_map_lookup_elem(&guarded_ports, &tcp->dest))
        return answer(ALLOWED, XDP_PASS);
    if (log_refused)
        bpf_printk("refused a connection to port %d", bpf_ntohs(tcp->dest));
    return answer(REFUSED, XDP_DROP);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
