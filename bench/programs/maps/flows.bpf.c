/* SPDX-License-Identifier: Apache-2.0 */
/* A table of connections: eight keys are looked up in a hash map, and made where they are missing. */
#include "../bench.h"

struct flow { u32 from, to; u16 from_port, to_port; u32 protocol; };
struct seen { u64 packets, bytes; };
MAP(flows_table, 0, HASH, struct flow, struct seen, 4096, 0);

PROGRAM(flows) {
    u8 *data = packet(context), *end = packet_end(context);
    if (data + 54 > end) return DROP;
    const struct ipv4 *ip = (const struct ipv4 *)(data + 14);
    const struct tcp *tcp = (const struct tcp *)(data + 34);
    struct flow flow = {ip->from, ip->to, tcp->from, tcp->to, ip->protocol};
    for (u32 i = 0; i < 8; i++) {
        flow.from = ip->from + i * 0x01010101;
        struct seen *seen = lookup(flows_table, &flow);
        if (seen) {
            seen->packets++;
            seen->bytes += end - data;
        } else {
            struct seen first = {1, end - data};
            update(flows_table, &flow, &first);
        }
    }
    return PASS;
}
