/* SPDX-License-Identifier: Apache-2.0 */
/* The Internet's checksum over 256 bytes of stack. */
#include "../bench.h"

PROGRAM(checksum) {
    u64 words[32];
    for (int i = 0; i < 32; i++)
        words[i] = given(i * 0x9e3779b97f4a7c15ull);
    u16 *halves = (u16 *)words;
    u64 sum = given(0);
    for (u32 i = 0; i < 128; i++)
        sum += halves[below(i, 128)];
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (int)(~sum & 0xffff);
}
