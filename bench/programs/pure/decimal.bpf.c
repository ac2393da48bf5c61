/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a number in decimal and reads it back, signed: text on the stack, division by ten. */
#include "../bench.h"

PROGRAM(decimal) {
    char text[32];
    s64 sum = 0;
    for (s32 i = 0; i < 6; i++) {
        s32 number = (s32)given((u64)(i * 1234567 - 3000000));
        u32 left = number < 0 ? -(u32)number : (u32)number;
        u32 length = 0;
        for (u32 digit = 0; digit < 10; digit++) {
            text[digit & 31] = (char)('0' + left % 10);
            left /= 10;
            length++;
            if (left == 0)
                break;
        }
        s64 back = 0;
        for (u32 digit = 10; digit-- > 0;)
            if (digit < length)
                back = back * 10 + (text[digit & 31] - '0');
        sum += (number < 0 ? -back : back) * (i + 1);
    }
    return (int)sum;
}
