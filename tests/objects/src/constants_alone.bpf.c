// SPDX-License-Identifier: Apache-2.0
// As constants.bpf.c, but clang 14 leaves no .rodata at all, which it lists nevertheless.
#include <linux/bpf.h>
#define SEC(n) __attribute__((section(n), used))
static const unsigned char table[4] = {1, 2, 3, 4};
static const unsigned long long masks[4] = {1, 0xff00, 7, 9};
SEC("xdp") int pick(struct xdp_md* c) {
    unsigned n = c->rx_queue_index;
    return (table[n & 3] + (masks[n & 3] & 1)) > 9 ? 2 : 1;
}
char lic[] SEC("license") = "MIT";
