/* SPDX-License-Identifier: Apache-2.0 */
/* The hash of lookup3 over three words at a time: 32-bit rotations that the compiler interleaves. */
#include "../bench.h"

#define ROTATE(x, k) (((x) << (k)) | ((x) >> (32 - (k))))

PROGRAM(jhash) {
    u32 a = (u32)given(0xdeadbeef), b = (u32)given(0xdeadbf00), c = (u32)given(7);
    for (u32 i = 0; i < 24; i++) {
        a += (u32)given(i);
        b += (u32)given(i * 31);
        c += (u32)given(i ^ 0x55);
        a -= c; a ^= ROTATE(c, 4);  c += b;
        b -= a; b ^= ROTATE(a, 6);  a += c;
        c -= b; c ^= ROTATE(b, 8);  b += a;
        a -= c; a ^= ROTATE(c, 16); c += b;
        b -= a; b ^= ROTATE(a, 19); a += c;
        c -= b; c ^= ROTATE(b, 4);  b += a;
    }
    c ^= b; c -= ROTATE(b, 14);
    a ^= c; a -= ROTATE(c, 11);
    b ^= a; b -= ROTATE(a, 25);
    c ^= b; c -= ROTATE(b, 16);
    return (int)c;
}
