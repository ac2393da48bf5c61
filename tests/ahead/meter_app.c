// SPDX-License-Identifier: Apache-2.0
// The same with the runtime library: packets from standard input, a line for each, then what the maps hold.
#include <stdio.h>

#include "meter.h"

static unsigned long long number(const unsigned char* at, unsigned bytes) {
    unsigned long long value = 0;
    while (bytes-- > 0)
        value = value << 8 | at[bytes];
    return value;
}

static void print_map(const char* name, struct skep_map* map) {
    unsigned char key[4], next[4], value[8];
    const unsigned char* before = NULL;
    while (skep_map_next_key(map, before, next) == 0) {
        for (unsigned i = 0; i < sizeof key; i++)
            key[i] = next[i];
        before = key;
        if (skep_map_lookup(map, key, value, sizeof value) == 0)
            printf("%s %llu %llu\n", name, number(key, 4), number(value, 8));
    }
}

int main(void) {
    static unsigned char packet[2048];
    unsigned char head[4];
    const int opened = meter_open();
    if (opened != 0) {
        fprintf(stderr, "meter_open: %d\n", opened);
        return 1;
    }
    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        size_t size = (size_t)number(head, 4);
        if (size > sizeof packet || fread(packet, 1, size, stdin) != size)
            return 1;
        const uint32_t verdict = meter_meter_on(packet, &size, sizeof packet, 0);
        printf("%u ", (unsigned)verdict);
        for (size_t i = 0; i < size; i++)
            printf("%02x", packet[i]);
        printf("\n");
    }
    print_map("flows", meter_flows_handle);
    print_map("last", meter_last_handle);
    printf("rounds 0 %llu\n", number(meter_bss, METER_BSS_VALUE_SIZE));
    return 0;
}
