// SPDX-License-Identifier: Apache-2.0
// Programs on socket buffers that need no library: the header alone makes their context.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

unsigned long long sums[16];

static void note(struct __sk_buff* skb, unsigned at) {
    sums[at & 15] += skb->len;
    sums[(at + 1) & 15] += skb->protocol;
    sums[(at + 2) & 15] += skb->pkt_type;
    sums[(at + 3) & 15] += skb->ifindex + skb->ingress_ifindex * 256;
    sums[(at + 4) & 15] += skb->priority + skb->hash + skb->queue_mapping;
}

SEC("tc") int frame(struct __sk_buff* skb) {
    unsigned char *data = (void*)(long)skb->data, *end = (void*)(long)skb->data_end;
    note(skb, 0);
    sums[5] += skb->wire_len + skb->gso_size;
    if (data + 14 > end)
        return 2;
    data[5]++;
    return data[12];
}

SEC("socket") int packet(struct __sk_buff* skb) {
    note(skb, 8);
    return skb->len & 4 ? skb->len : 0;
}

char _license[] SEC("license") = "GPL";
