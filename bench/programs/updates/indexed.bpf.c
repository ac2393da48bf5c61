/* SPDX-License-Identifier: Apache-2.0 */
/* Values of an array are written over: eight a run, sixteen bytes each. */
#include "../bench.h"

struct pair { u64 first, second; };
MAP(indexed_values, 0, ARRAY, u32, struct pair, 1024, 0);

PROGRAM(indexed) {
    for (u32 i = 0; i < 8; i++) {
        u32 index = below((u32)given(i * 37), 1024);
        struct pair value = {i, index};
        update(indexed_values, &index, &value);
    }
    return PASS;
}
