/* SPDX-License-Identifier: Apache-2.0 */
/* A load balancer: finds the service, remembers connections, picks a backend by hash, rewrites the packet. */
#include "../bench.h"

struct service { u32 address; u16 port, protocol; };
struct connection { u32 from, to; u16 from_port, to_port; };
struct backend { u32 address; u32 weight; u8 mac[6]; u16 flags; };
MAP(services, 0, HASH, struct service, u32, 64, 0);
MAP(connections, 1, LRU_HASH, struct connection, u32, 8192, 0);
MAP(backends, 2, ARRAY, u32, struct backend, 64, 0);
MAP(statistics, 3, PERCPU_ARRAY, u32, u64, 64, 0);

#define ROTATE(x, k) (((x) << (k)) | ((x) >> (32 - (k))))

PROGRAM(balancer) {
    u8 *data = packet(context), *end = packet_end(context);
    struct ethernet *ethernet = (struct ethernet *)data;
    struct ipv4 *ip = (struct ipv4 *)(data + 14);
    struct tcp *tcp = (struct tcp *)(data + 34);
    if (data + 54 > end || ethernet->type != swap16(0x0800) || ip->protocol != 6) return PASS;
    struct service service = {0x0a00000a, tcp->to, 6};
    u32 *count = lookup(services, &service);
    if (!count) {
        u32 eight = 8;
        update(services, &service, &eight);
        return PASS;
    }
    struct connection connection = {ip->from, 0x0a00000a, tcp->from, tcp->to};
    u32 *known = lookup(connections, &connection);
    u32 chosen;
    if (known) {
        chosen = *known & 63;
    } else {
        u32 a = connection.from, b = 0x9e3779b9, c = (u32)connection.from_port << 16 | connection.to_port;
        a -= c; a ^= ROTATE(c, 4);  c += b;
        b -= a; b ^= ROTATE(a, 6);  a += c;
        c -= b; c ^= ROTATE(b, 8);  b += a;
        chosen = *count == 0 ? 0 : (c ^ a) % *count & 63;
        update(connections, &connection, &chosen);
    }
    struct backend *backend = lookup(backends, &chosen);
    if (!backend) return DROP;
    __builtin_memcpy(ethernet->to, backend->mac, 6);
    u32 sum = (u16)~ip->checksum + (u16)~(ip->to & 0xffff) + (u16)~(ip->to >> 16);
    sum += (backend->address & 0xffff) + (backend->address >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    ip->to = backend->address;
    ip->checksum = (u16)~((sum & 0xffff) + (sum >> 16));
    u64 *sent = lookup(statistics, &chosen);
    if (sent) *sent += end - data;
    return TX;
}
