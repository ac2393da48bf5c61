/* SPDX-License-Identifier: Apache-2.0 */
/* Fletcher's checksum: two sums over bytes, reduced now and then by division. */
#include "../bench.h"

PROGRAM(fletcher) {
    u64 words[16];
    for (int i = 0; i < 16; i++)
        words[i] = given(i * 0xc2b2ae3d27d4eb4full);
    const u8 *bytes = (const u8 *)words;
    u32 low = 0, high = 0;
    for (u32 i = 0; i < 128; i++) {
        low += bytes[below(i, 128)];
        high += low;
        if ((i & 31) == 31) {
            low %= 65535;
            high %= 65535;
        }
    }
    return (int)(high << 16 | low);
}
