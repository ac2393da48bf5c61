/* SPDX-License-Identifier: Apache-2.0 */
/* A rule list: many comparisons of a few fields, most of which fail. */
#include "../bench.h"

PROGRAM(filter) {
    u32 accepted = 0;
    for (u32 i = 0; i < 64; i++) {
        u32 address = (u32)given(i * 2654435761u);
        u16 port = (u16)given(i * 40503u);
        u8 protocol = (u8)given(i % 17);
        if ((address & 0xff000000u) == 0x0a000000u) accepted += 1;
        else if ((address & 0xfff00000u) == 0xac100000u) accepted += 2;
        else if (protocol == 6 && (port == 22 || port == 80 || port == 443)) accepted += 3;
        else if (protocol == 17 && (port == 53 || (port >= 33434 && port < 33534))) accepted += 4;
        else if (address > 0xe0000000u && address < 0xf0000000u) accepted += 5;
        else if ((port ^ address) % 3 == 0) accepted += 6;
    }
    return (int)accepted;
}
