/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets by source address: a hash map, the time, 64-bit arithmetic with a division. */
#include "../bench.h"

struct bucket { u64 tokens, last; };
MAP(buckets, 0, HASH, u32, struct bucket, 1024, 0);

PROGRAM(limiter) {
    u8 *data = packet(context), *end = packet_end(context);
    if (data + 34 > end) return DROP;
    u32 from = ((const struct ipv4 *)(data + 14))->from;
    u64 time = now();
    struct bucket *bucket = lookup(buckets, &from);
    if (!bucket) {
        struct bucket full = {1000, time};
        update(buckets, &from, &full);
        return PASS;
    }
    u64 tokens = bucket->tokens + (time - bucket->last) / 1000;
    if (tokens > 1000) tokens = 1000;
    bucket->last = time;
    if (tokens == 0) {
        bucket->tokens = 0;
        return DROP;
    }
    bucket->tokens = tokens - 1;
    return PASS;
}
