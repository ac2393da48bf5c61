/* SPDX-License-Identifier: Apache-2.0 */
/* An XDP filter: Ethernet with VLAN tags, IPv4, ports of TCP and UDP, a short list of rules. */
#include "../bench.h"

PROGRAM(firewall) {
    u8 *at = packet(context), *end = packet_end(context);
    const struct ethernet *ethernet = (const struct ethernet *)at;
    if (at + sizeof(*ethernet) > end) return DROP;
    u16 type = ethernet->type;
    at += sizeof(*ethernet);
    for (int tags = 0; tags < 2 && (type == swap16(0x8100) || type == swap16(0x88a8)); tags++) {
        if (at + 4 > end) return DROP;
        type = *(const u16 *)(at + 2);
        at += 4;
    }
    if (type != swap16(0x0800)) return PASS;
    const struct ipv4 *ip = (const struct ipv4 *)at;
    if (at + sizeof(*ip) > end || ip->version_length >> 4 != 4) return DROP;
    u32 header = (ip->version_length & 15) * 4;
    if (header < 20 || (ip->fragment & swap16(0x1fff)) != 0) return DROP;
    u32 from = swap32(ip->from), to = swap32(ip->to);
    if (from >> 24 == 127 || to >> 28 == 15) return DROP;
    at += header;
    if (at + 4 > end) return DROP;
    u16 port = swap16(((const u16 *)at)[1]);
    if (ip->protocol == 6) {
        const struct tcp *tcp = (const struct tcp *)at;
        if (at + sizeof(*tcp) > end) return DROP;
        if ((tcp->flags & 3) == 3 || (tcp->flags & 0x3f) == 0) return DROP;
        return port == 22 || port == 80 || port == 443 || port >= 8000 ? PASS : DROP;
    }
    if (ip->protocol == 17) return port == 53 || port == 123 || port > 32768 ? PASS : DROP;
    return ip->protocol == 1 ? PASS : DROP;
}
