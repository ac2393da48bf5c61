/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 bit by bit over 24 bytes: a branch-free step of shift, mask and exclusive or. */
#include "../bench.h"

PROGRAM(crc32) {
    u32 crc = (u32)given(0xffffffff);
    for (u32 i = 0; i < 24; i++) {
        crc ^= (u8)given(i * 73);
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xedb88320u & (0 - (crc & 1)));
        crc = (u32)opaque(crc);
    }
    return (int)~crc;
}
