/* SPDX-License-Identifier: Apache-2.0 */
/* Binary search in a sorted table of 64 numbers, 40 times. */
#include "../bench.h"

PROGRAM(search) {
    u32 table[64];
    for (u32 i = 0; i < 64; i++)
        table[i] = (u32)given(i * 66000000u);
    u32 found = 0;
    for (u32 i = 0; i < 40; i++) {
        u32 wanted = (u32)given(i * 2654435761u);
        u32 low = 0;
        for (u32 half = 32; half != 0; half >>= 1) {
            u32 middle = low + half;
            if (table[below(middle, 64)] <= wanted)
                low = middle;
        }
        found += low;
    }
    return (int)found;
}
