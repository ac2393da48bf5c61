// SPDX-License-Identifier: Apache-2.0
//
// Answers pings by itself: swaps addresses, turns the request into a reply, mends the checksum and
// sends the packet back where it came from. With a TAP there is nobody else to answer:
//
//   unshare -Urn
//   skep net attach xdp pinned /sys/fs/bpf/echo dev tap:t0
//   ip addr add 192.0.2.1/24 dev t0; ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev t0
//   ping 192.0.2.9
#include <linux/bpf.h>
#include <linux/icmp.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

__u64 answered[2]; /* packets, bytes */

static __always_inline void swap_ethernet(struct ethhdr *eth)
{
    __u8 address[ETH_ALEN];

    __builtin_memcpy(address, eth->h_dest, ETH_ALEN);
    __builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
    __builtin_memcpy(eth->h_source, address, ETH_ALEN);
}

SEC("xdp")
int echo(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    struct ethhdr *eth = data;
    struct iphdr *ip = (void *)(eth + 1);
    struct icmphdr *icmp = (void *)(ip + 1);
    __u32 sum;
    __be32 address;

    if ((void *)(icmp + 1) > end)
        return XDP_PASS;
    if (eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 || ip->protocol != IPPROTO_ICMP)
        return XDP_PASS;
    if (icmp->type != ICMP_ECHO || icmp->code != 0)
        return XDP_PASS;

    swap_ethernet(eth);
    address = ip->saddr;
    ip->saddr = ip->daddr;
    ip->daddr = address;
    icmp->type = ICMP_ECHOREPLY;
    /* The type fell by 8 in the high byte of a 16-bit word (RFC 1624). */
    sum = bpf_ntohs(icmp->checksum) + (ICMP_ECHO << 8);
    icmp->checksum = bpf_htons((__u16)(sum + (sum >> 16)));

    answered[0]++;
    answered[1] += end - data;
    return XDP_TX;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
