/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the extension headers of an IPv6 packet to the ports behind them. */
#include "../bench.h"

PROGRAM(ipv6_chain) {
    u8 *data = packet(context), *end = packet_end(context);
    if (data + 54 > end) return DROP;
    const struct ethernet *ethernet = (const struct ethernet *)data;
    if (ethernet->type != swap16(0x86dd)) return PASS;
    const struct ipv6 *ip = (const struct ipv6 *)(data + 14);
    u8 next = ip->next;
    u32 offset = 54;
    for (int i = 0; i < 8; i++) {
        u8 *at = data + (offset & 511);
        if (at + 8 > end) return DROP;
        if (next == 6 || next == 17)
            return (int)((u32)at[0] << 24 | (u32)at[1] << 16 | (u32)at[2] << 8 | at[3]);
        if (next == 0 || next == 43 || next == 60) {
            next = at[0];
            offset += (at[1] + 1u) * 8;
        } else if (next == 44) {
            next = at[0];
            offset += 8;
        } else {
            break;
        }
    }
    return (int)(ip->from[0] ^ ip->to[1]);
}
