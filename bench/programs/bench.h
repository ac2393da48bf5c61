/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmark programs share: numbers that the compiler cannot see through. */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SECTION(name) __attribute__((section(name), used))
#define NOINLINE __attribute__((noinline))

static inline u64 opaque(u64 number) {
    asm volatile("" : "+r"(number));
    return number;
}
