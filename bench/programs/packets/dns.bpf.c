/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes the name that a DNS question asks for, in lower case, label by label. */
#include "../bench.h"

PROGRAM(dns) {
    u8 *data = packet(context), *end = packet_end(context);
    if (data + 54 > end || data[23] != 17) return DROP;
    const struct udp *udp = (const struct udp *)(data + 34);
    if (udp->to != swap16(53)) return PASS;
    u32 hash = 2166136261u, offset = 54, left = 0;
    for (int i = 0; i < 96; i++) {
        u8 *at = data + (offset & 255);
        if (at + 1 > end) return DROP;
        u8 byte = *at;
        offset++;
        if (left == 0) {
            if (byte == 0) return (int)hash;
            if (byte > 63) return DROP;
            left = byte;
            continue;
        }
        left--;
        if (byte >= 'A' && byte <= 'Z') byte |= 32;
        hash = (hash ^ byte) * 16777619u;
    }
    return (int)hash;
}
