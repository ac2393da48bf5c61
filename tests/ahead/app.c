// SPDX-License-Identifier: Apache-2.0
// An application that runs compiled programs: packets from standard input (length as four bytes,
// then the bytes), for each a line with both answers and the packet afterwards; at the end what the
// maps hold.
#include <stdio.h>
#include <stdlib.h>

#include "filter.h"

static unsigned long long number(const unsigned char* at, unsigned bytes) {
    unsigned long long value = 0;
    while (bytes-- > 0)
        value = value << 8 | at[bytes];
    return value;
}

int main(void) {
    static unsigned char packet[2048];
    unsigned char head[4];
    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        const size_t size = (size_t)number(head, 4);
        if (size > sizeof packet || fread(packet, 1, size, stdin) != size) return 1;
        const uint32_t weight = filter_size_on(packet, size);
        const uint32_t verdict = filter_count_on(packet, size);
        printf("%u %u ", (unsigned)verdict, (unsigned)weight);
        for (size_t i = 0; i < size; i++)
            printf("%02x", packet[i]);
        printf("\n");
    }
    for (int i = 0; i < FILTER_BY_BYTE_ENTRIES; i++)
        printf("by_byte %d %llu\n", i,
               number(filter_by_byte + i * FILTER_BY_BYTE_STRIDE, FILTER_BY_BYTE_VALUE_SIZE));
    for (int i = 0; i < FILTER_PER_CPU_ENTRIES; i++)
        printf("per_cpu %d %llu\n", i,
               number(filter_per_cpu + i * FILTER_PER_CPU_STRIDE, FILTER_PER_CPU_VALUE_SIZE));
    printf("seen 0 %llu\n", number(filter_bss, FILTER_BSS_VALUE_SIZE));
    return 0;
}
