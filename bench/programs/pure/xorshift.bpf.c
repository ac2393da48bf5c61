/* SPDX-License-Identifier: Apache-2.0 */
/* A random number generator: one long chain of dependent operations. */
#include "../bench.h"

PROGRAM(xorshift) {
    u64 x = given(88172645463325252ull), sum = 0;
    for (int i = 0; i < 64; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        sum += x * 0x2545f4914f6cdd1dull;
    }
    return (int)(sum >> 32);
}
