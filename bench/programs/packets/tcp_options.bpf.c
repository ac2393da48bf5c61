/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the options of a TCP segment: a loop over type, length, value in the packet. */
#include "../bench.h"

PROGRAM(tcp_options) {
    u8 *data = packet(context), *end = packet_end(context);
    if (data + 54 > end || data[23] != 6) return DROP;
    u32 header = (data[46] >> 4) * 4;
    if (header < 20) return DROP;
    u32 sum = 0, offset = 20;
    for (int i = 0; i < 20 && offset < header; i++) {
        u8 *at = data + 34 + (offset & 63);
        if (at + 1 > end) return DROP;
        u8 kind = at[0];
        if (kind == 0) break;
        if (kind == 1) { offset++; continue; }
        if (at + 2 > end) return DROP;
        u8 length = at[1];
        if (length < 2) return DROP;
        if (kind == 2 && at + 4 <= end) sum += (u32)at[2] << 8 | at[3];
        if (kind == 3 && at + 3 <= end) sum += at[2] << 16;
        if (kind == 8 && at + 10 <= end)
            sum ^= (u32)at[2] << 24 | (u32)at[3] << 16 | (u32)at[4] << 8 | at[5];
        offset += length;
    }
    return (int)sum;
}
