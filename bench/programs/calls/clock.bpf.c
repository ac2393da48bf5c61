/* SPDX-License-Identifier: Apache-2.0 */
/* The small helpers that programs call all the time: which CPU, what time. */
#include "../bench.h"

PROGRAM(clock) {
    u64 sum = 0;
    for (int i = 0; i < 16; i++)
        sum += opaque(cpu_number() + i);
    u64 begin = now();
    return (int)((sum >> 40) + (now() - begin > 1000000));
}
