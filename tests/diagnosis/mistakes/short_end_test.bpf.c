/* SPDX-License-Identifier: Apache-2.0 */
/* The test covers all bytes but the last. Expected: E0302, and a fix. */
#include "mistake.h"

SEC("xdp")
int last_byte(struct xdp_md *ctx)
{
    __u8 *data = (void *)(long)ctx->data;
    __u8 *data_end = (void *)(long)ctx->data_end;
    if (data + 13 > data_end)
        return XDP_PASS;
    if (data[13] == 6)
        return XDP_DROP;
    return XDP_PASS;
}
