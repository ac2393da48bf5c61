/* SPDX-License-Identifier: Apache-2.0 */
/* Longest prefix match of four addresses in a trie of a thousand routes. */
#include "../bench.h"

struct prefix { u32 length; u32 address; };
struct route { u32 gateway, device; };
MAP(routes_table, 0, LPM_TRIE, struct prefix, struct route, 4096, NO_PREALLOC);

PROGRAM(routes) {
    u8 *data = packet(context), *end = packet_end(context);
    if (data + 34 > end) return DROP;
    const struct ipv4 *ip = (const struct ipv4 *)(data + 14);
    u32 sum = 0;
    for (u32 i = 0; i < 4; i++) {
        struct prefix prefix = {32, ip->to + i * 0x00310511};
        struct route *route = lookup(routes_table, &prefix);
        if (route) sum += route->gateway + route->device;
    }
    return (int)sum;
}
