/* SPDX-License-Identifier: Apache-2.0 */
/* Sorts 16 numbers on the stack by exchanging neighbours that stand the wrong way round. */
#include "../bench.h"

PROGRAM(sort) {
    u32 numbers[16];
    for (u32 i = 0; i < 16; i++)
        numbers[i] = (u32)given(i * 2654435761u);
    for (u32 round = 0; round < 16; round++) {
        for (u32 at = round & 1; at < 15; at += 2) {
            u32 *pair = numbers + below(at, 8);
            u32 low = (u32)opaque(pair[0]), high = (u32)opaque(pair[1]);
            if (low > high) {
                pair[0] = high;
                pair[1] = low;
            }
        }
    }
    return (int)(numbers[5] ^ numbers[7]);
}
