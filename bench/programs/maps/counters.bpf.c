/* SPDX-License-Identifier: Apache-2.0 */
/* Counts packets and bytes by protocol and by size, for each CPU. */
#include "../bench.h"

struct count { u64 packets, bytes; };
MAP(by_protocol, 0, PERCPU_ARRAY, u32, struct count, 256, 0);
MAP(by_size, 1, PERCPU_ARRAY, u32, u64, 16, 0);
MAP(totals, 2, ARRAY, u32, u64, 4, 0);

PROGRAM(counters) {
    u8 *data = packet(context), *end = packet_end(context);
    if (data + 34 > end) return DROP;
    u64 length = end - data;
    u32 protocol = data[23];
    struct count *count = lookup(by_protocol, &protocol);
    if (count) {
        count->packets++;
        count->bytes += length;
    }
    u32 size = 0;
    for (u64 left = length >> 6; left != 0 && size < 15; left >>= 1)
        size++;
    u64 *bucket = lookup(by_size, &size);
    if (bucket) (*bucket)++;
    u32 zero = 0;
    u64 *total = lookup(totals, &zero);
    if (total) __sync_fetch_and_add(total, length);
    return PASS;
}
