// SPDX-License-Identifier: Apache-2.0
// Constants that clang 14 lists under .rodata and puts elsewhere: what is listed must not overlap.
#include <linux/bpf.h>
#define SEC(n) __attribute__((section(n), used))
static const unsigned char table[4] = {1, 2, 3, 4};
static const unsigned long long masks[4] = {1, 0xff00, 7, 9};
static const unsigned char big[37] = {9, 8, 7};
const int scale = 3;
SEC("xdp") int pick(struct xdp_md* c) {
    unsigned n = c->rx_queue_index;
    return (table[n & 3] + big[n & 31] + (masks[n & 3] & 1)) * scale > 9 ? 2 : 1;
}
char lic[] SEC("license") = "MIT";
