/* SPDX-License-Identifier: Apache-2.0 */
/* A hash map of what was seen last: four new keys a run, and the four that came five hundred keys before leave. */
#include "../bench.h"

MAP(window_table, 0, HASH, u64, u64, 1024, 0);
MAP(window_next, 1, ARRAY, u32, u64, 1, 0);

PROGRAM(window) {
    u32 zero = 0;
    u64 *next = lookup(window_next, &zero);
    if (!next) return DROP;
    u64 number = *next & 0xffffffff;
    *next = number + 4;
    for (u64 i = 0; i < 4; i++) {
        u64 key = opaque((number + i) * 0x9e3779b97f4a7c15ull), value = i;
        u64 old = opaque((number + i - 500) * 0x9e3779b97f4a7c15ull);
        update(window_table, &key, &value);
        erase(window_table, &old);
    }
    return PASS;
}
