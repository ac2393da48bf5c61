/* SPDX-License-Identifier: Apache-2.0 */
/* Looks for a short word in 96 bytes of text, byte after byte. */
#include "../bench.h"

PROGRAM(match) {
    u64 text[13];
    for (int i = 0; i < 13; i++)
        text[i] = given(0x2054534f48204854ull + i);
    text[11] = given(0x3a74736f480a0d20ull);
    const char *at = (const char *)text;
    for (u32 i = 0; i < 96; i++) {
        const char *here = at + below(i, 128) % 96;
        if (here[0] == 'H' && here[1] == 'o' && here[2] == 's' && here[3] == 't' && here[4] == ':')
            return (int)i;
    }
    return -1;
}
