/* SPDX-License-Identifier: Apache-2.0 */
/* Divisions and remainders by constants, as code that formats numbers or picks a backend does. */
#include "../bench.h"

PROGRAM(division) {
    u64 number = given(0x123456789abcdefull);
    u64 sum = 0;
    for (int i = 0; i < 50; i++) {
        sum += opaque(number) % 10;
        number = opaque(number) / 7;
        sum += (u32)opaque(sum) % 1000;
        number += (sum * 0x9e3779b97f4a7c15ull) + (u32)opaque(i + 77) / 60;
    }
    return (int)sum;
}
