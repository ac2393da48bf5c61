/* SPDX-License-Identifier: Apache-2.0 */
/* Values of a per-CPU hash map are written over: eight keys a run. */
#include "../bench.h"

MAP(own_cpu_table, 0, PERCPU_HASH, u64, u64, 1024, 0);

PROGRAM(own_cpu) {
    for (u64 i = 0; i < 8; i++) {
        u64 key = opaque(given(i) * 0x9e3779b97f4a7c15ull), value = i;
        update(own_cpu_table, &key, &value);
    }
    return PASS;
}
