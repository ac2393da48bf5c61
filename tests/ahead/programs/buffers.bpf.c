// SPDX-License-Identifier: Apache-2.0
// Programs on socket buffers, with and without the link layer: fields that tell of the frame, old packet loads, helpers that
// change it.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 256);
    __type(key, unsigned);
    __type(value, unsigned long long);
} seen SEC(".maps");

static void count(unsigned what, unsigned long long more) {
    unsigned long long* known = bpf_map_lookup_elem(&seen, &what);
    if (known)
        *known += more;
    else
        bpf_map_update_elem(&seen, &what, &more, BPF_ANY);
}

unsigned long long load_byte(void* skb, unsigned long long offset) asm("llvm.bpf.load.byte");
unsigned long long load_half(void* skb, unsigned long long offset) asm("llvm.bpf.load.half");

SEC("tc") int classify(struct __sk_buff* skb) {
    unsigned char *data = (void*)(long)skb->data, *end = (void*)(long)skb->data_end;
    unsigned short word = 0;
    count(1, skb->len);
    count(2, skb->protocol);
    count(3, skb->pkt_type);
    count(4, skb->ifindex + skb->ingress_ifindex * 256);
    count(5, skb->wire_len);
    if (data + 14 > end)
        return 2;
    data[0] ^= 1;
    if (bpf_skb_load_bytes(skb, 12, &word, sizeof word) == 0)
        count(6, word);
    word = 0x1234;
    bpf_skb_store_bytes(skb, 6, &word, sizeof word, 0);
    skb->mark = 7;
    if (skb->len > 100)
        bpf_skb_change_tail(skb, 60, 0);
    return skb->mark + load_byte(skb, 13);
}

SEC("socket") int inspect(struct __sk_buff* skb) {
    count(10, skb->len);
    count(11, skb->protocol);
    count(12, skb->pkt_type);
    count(13, load_half(skb, 0));
    return load_byte(skb, 4) & 1 ? skb->len : 0;
}

char _license[] SEC("license") = "GPL";
