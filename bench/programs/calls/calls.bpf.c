/* SPDX-License-Identifier: Apache-2.0 */
/* Subprograms that do little and are called often. */
#include "../bench.h"

NOINLINE u64 mix(u64 a, u64 b) {
    __asm__ volatile("" : "+r"(a), "+r"(b));
    return (a ^ b) * 0x9e3779b97f4a7c15ull;
}
NOINLINE u64 two(u64 a, u64 b) { return mix(a, b) + mix(b, a + 1); }

PROGRAM(calls) {
    u64 sum = given(1);
    for (int i = 0; i < 50; i++)
        sum += two(sum, i);
    return (int)sum;
}
