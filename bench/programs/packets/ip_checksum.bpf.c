/* SPDX-License-Identifier: Apache-2.0 */
/* Recomputes the checksum of a packet's first 128 bytes and changes its addresses. */
#include "../bench.h"

PROGRAM(ip_checksum) {
    u8 *data = packet(context), *end = packet_end(context);
    if (data + 142 > end) return DROP;
    struct ipv4 *ip = (struct ipv4 *)(data + 14);
    u32 from = ip->from;
    ip->from = ip->to;
    ip->to = from;
    ip->checksum = 0;
    u64 sum = 0;
#pragma clang loop unroll(disable)
    for (int i = 0; i < 64; i++)
        sum += *(u16 *)(data + 14 + i * 2);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    ip->checksum = (u16)~sum;
    return TX;
}
