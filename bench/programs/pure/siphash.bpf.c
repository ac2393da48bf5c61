/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-2-4 over 32 words: 64-bit additions, rotations, exclusive ors. */
#include "../bench.h"

#define ROTATE(x, b) (((x) << (b)) | ((x) >> (64 - (b))))
#define ROUND                                                                                      \
    do {                                                                                           \
        v0 += v1; v1 = ROTATE(v1, 13); v1 ^= v0; v0 = ROTATE(v0, 32);                              \
        v2 += v3; v3 = ROTATE(v3, 16); v3 ^= v2;                                                   \
        v0 += v3; v3 = ROTATE(v3, 21); v3 ^= v0;                                                   \
        v2 += v1; v1 = ROTATE(v1, 17); v1 ^= v2; v2 = ROTATE(v2, 32);                              \
    } while (0)

PROGRAM(siphash) {
    u64 v0 = given(0x736f6d6570736575ull), v1 = given(0x646f72616e646f6dull);
    u64 v2 = given(0x6c7967656e657261ull), v3 = given(0x7465646279746573ull);
    for (int i = 0; i < 32; i++) {
        u64 word = given(i * 0x0101010101010101ull);
        v3 ^= word;
        ROUND;
        ROUND;
        v0 ^= word;
    }
    return (int)(v0 ^ v1 ^ v2 ^ v3);
}
