// SPDX-License-Identifier: Apache-2.0
// Long enough in one line for a sampler to meet it there: each round hangs on the one before.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int loop(struct xdp_md *ctx)
{
    unsigned int sum = ctx->rx_queue_index;
    for (int i = 0; i < 4000; i++)
        sum = (sum ^ (sum >> 7)) * 0x9e3779b1 + (sum >> 3);
    return sum == 1 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
