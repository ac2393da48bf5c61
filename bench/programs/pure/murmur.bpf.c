/* SPDX-License-Identifier: Apache-2.0 */
/* A hash of multiplications and rotations over 32 words, 32 bits wide. */
#include "../bench.h"

PROGRAM(murmur) {
    u32 hash = (u32)given(0x9747b28c);
    for (u32 i = 0; i < 32; i++) {
        u32 k = (u32)given(i * 2654435761u);
        k *= 0xcc9e2d51;
        k = (k << 15) | (k >> 17);
        k *= 0x1b873593;
        hash ^= k;
        hash = (hash << 13) | (hash >> 19);
        hash = hash * 5 + 0xe6546b64;
    }
    hash ^= 128;
    hash ^= hash >> 16; hash *= 0x85ebca6b;
    hash ^= hash >> 13; hash *= 0xc2b2ae35;
    return (int)(hash ^ hash >> 16);
}
