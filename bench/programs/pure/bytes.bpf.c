/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in network order put together byte by byte, from memory that may not be aligned. */
#include "../bench.h"

struct __attribute__((packed)) field { u32 number; };

PROGRAM(bytes) {
    u64 words[16];
    for (int i = 0; i < 16; i++)
        words[i] = given(i * 0x9e3779b97f4a7c15ull);
    const u8 *memory = (const u8 *)words;
    u64 sum = 0;
    for (u32 i = 0; i < 64; i++) {
        const struct field *field = (const struct field *)(memory + below(i, 64));
        sum += swap32(field->number);
    }
    return (int)sum;
}
