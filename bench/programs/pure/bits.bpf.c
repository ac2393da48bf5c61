/* SPDX-License-Identifier: Apache-2.0 */
/* Counts bits, reverses them, interleaves two numbers: masks and shifts. */
#include "../bench.h"

INLINE u64 spread(u64 x) {
    x &= 0xffffffff;
    x = (x | x << 16) & 0x0000ffff0000ffffull;
    x = (x | x << 8) & 0x00ff00ff00ff00ffull;
    x = (x | x << 4) & 0x0f0f0f0f0f0f0f0full;
    x = (x | x << 2) & 0x3333333333333333ull;
    return (x | x << 1) & 0x5555555555555555ull;
}

PROGRAM(bits) {
    u64 sum = given(0);
    for (u32 i = 0; i < 24; i++) {
        u64 x = given(i * 0x9e3779b97f4a7c15ull);
        sum += spread(x) | spread(x >> 32) << 1;
        u64 count = x - ((x >> 1) & 0x5555555555555555ull);
        count = (count & 0x3333333333333333ull) + ((count >> 2) & 0x3333333333333333ull);
        sum += (((count + (count >> 4)) & 0x0f0f0f0f0f0f0f0full) * 0x0101010101010101ull) >> 56;
        sum ^= __builtin_bswap64(sum);
    }
    return (int)(sum ^ sum >> 32);
}
