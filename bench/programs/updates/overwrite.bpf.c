/* SPDX-License-Identifier: Apache-2.0 */
/* Values of a hash map are written over: eight keys a run. */
#include "../bench.h"

MAP(overwrite_table, 0, HASH, u64, u64, 1024, 0);

PROGRAM(overwrite) {
    for (u64 i = 0; i < 8; i++) {
        u64 key = opaque(given(i) * 0x9e3779b97f4a7c15ull), value = i;
        update(overwrite_table, &key, &value);
    }
    return PASS;
}
