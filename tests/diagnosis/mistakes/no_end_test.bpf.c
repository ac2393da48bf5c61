/* SPDX-License-Identifier: Apache-2.0 */
/* A header is read without a test that the packet is that long. Expected: E0302, and a fix. */
#include "mistake.h"

SEC("xdp")
int protocol(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data;
    struct ethhdr *eth = data;
    if (eth->h_proto == 0)
        return XDP_DROP;
    return XDP_PASS;
}
