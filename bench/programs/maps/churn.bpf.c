/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of a hash map come and go: insert, change, look up, delete. */
#include "../bench.h"

MAP(churn_table, 0, HASH, u64, u64, 2048, 0);

PROGRAM(churn) {
    u64 sum = 0;
    for (u64 i = 0; i < 4; i++) {
        u64 key = opaque(i * 0x9e3779b97f4a7c15ull), value = i;
        update(churn_table, &key, &value);
        u64 *found = lookup(churn_table, &key);
        if (found) sum += *found;
        value = 7;
        update(churn_table, &key, &value);
        erase(churn_table, &key);
    }
    return (int)sum;
}
