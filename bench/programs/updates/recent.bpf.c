/* SPDX-License-Identifier: Apache-2.0 */
/* An LRU map that is full: four new keys a run, for which others leave. */
#include "../bench.h"

MAP(recent_table, 0, LRU_HASH, u64, u64, 1024, 0);
MAP(recent_next, 1, ARRAY, u32, u64, 1, 0);

PROGRAM(recent) {
    u32 zero = 0;
    u64 *next = lookup(recent_next, &zero);
    if (!next) return DROP;
    u64 number = *next & 0xffffffff;
    *next = number + 4;
    for (u64 i = 0; i < 4; i++) {
        u64 key = opaque((number + i) * 0x9e3779b97f4a7c15ull), value = i;
        update(recent_table, &key, &value);
    }
    return PASS;
}
