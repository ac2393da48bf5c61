// SPDX-License-Identifier: Apache-2.0
// Says each thing that is not as it should be, and answers how many there are. The programs run in another source file.
#include <errno.h>
#include <stdio.h>

#include "records.h"

uint32_t run_elsewhere(void);

static int wrong, heard;
static uint32_t noted[8], count;

static void expect(int holds, const char *what) {
    if (!holds) {
        printf("not so: %s\n", what);
        wrong++;
    }
}

static uint32_t number(const void *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static void hear(const char *text, uint32_t size) { heard += size == 11 && memcmp(text, "more than 3", 11) == 0; }

static int note(void *owner, const void *record, size_t size) {
    (void)owner;
    noted[count++ & 7] = size == 4 ? number(record) : 0;
    return 0;
}

static const struct skep_map_shape array = {"another", 2, 4, 4, 1, 0, 1, 0, NULL, 0, NULL};
static const struct skep_map_shape wide = {"wide", 2, 4, 8, 1, 0, 1, 0, NULL, 0, NULL};

static void change_slots(void) {
    struct skep_map *another, *unlike;
    const uint32_t zero = 0, one = 1, id = 1;
    expect(skep_map_make(&array, NULL, 0, &another) == 0 && skep_map_make(&wide, NULL, 0, &unlike) == 0, "maps are made");
    expect(skep_map_put_map(records_chosen_handle, &zero, unlike) == -EINVAL, "a map of another shape does not fit");
    expect(skep_map_put_map(records_spare_handle, &zero, another) == -EINVAL, "an array holds no maps");
    expect(skep_map_put_map(records_chosen_handle, &zero, another) == 0, "a map of that shape fits");
    expect(skep_map_update(records_chosen_handle, &zero, &id, sizeof id, 0) == -EINVAL, "slots are not written as numbers");
    expect(skep_map_update(records_jumps_handle, &one, &id, sizeof id, 0) == -EINVAL, "nor those of programs");
    expect(skep_map_put_program(records_jumps_handle, 2, records_other_record()) == -E2BIG, "there is no slot 2");
    expect(skep_map_put_program(records_spare_handle, 0, records_other_record()) == -EINVAL, "an array holds no programs");
    expect(skep_map_put_program(records_jumps_handle, 1, records_other_record()) == 0, "there is a slot 1");
    expect(run_elsewhere() == 3, "the tail call is made");
    expect(number(skep_map_values(another)) == 1 && number(records_spare) == 4, "the other map is counted in");
    expect(skep_map_erase(records_jumps_handle, &one) == 0 && run_elsewhere() == 2, "an empty slot is fallen through");
    skep_map_free(another);
    expect(run_elsewhere() == 2, "a slot whose map is gone is empty");
    skep_map_free(unlike);
}

int main(void) {
    uint32_t size = 0;
    unsigned char key[64] = {0};
    skep_set_trace(hear);
    expect(records_open() == 0 && records_open() == 0, "opening twice is opening once");
    for (int i = 0; i < 4; i++)
        expect(run_elsewhere() == 2, "without a program in the slot it passes");
    expect(heard == 1, "one line was printed");
    expect(skep_ring_read(records_records_handle, note, NULL) == 4 && count == 4, "four records");
    expect(noted[0] == 65 && noted[3] == 68, "with what was written");
    expect(skep_ring_read(records_records_handle, note, NULL) == 0, "and no more");
    expect(skep_ring_read(records_sizes_handle, note, NULL) == -EINVAL, "a queue is no ring");
    for (int i = 0; i < 4; i++)
        expect(skep_map_take(records_sizes_handle, NULL, &size, sizeof size) == 0 && size == 64, "a size was pushed");
    expect(skep_map_take(records_sizes_handle, NULL, &size, sizeof size) == -ENOENT, "no more than four");
    expect(number(records_bss + RECORDS_BSS_AT_seen) == 4, "a global variable");
    expect(number(records_bss + RECORDS_BSS_AT_before) == ~3u, "another one");
    expect(number(records_data + RECORDS_DATA_AT_limit) == 3, "one with a value from the beginning");
    expect(records_other_on(key, &(size_t){sizeof key}, sizeof key, 0) == 3, "on CPU 0 it runs");
    expect(records_other_on(key, &(size_t){sizeof key}, sizeof key, 1) == 0, "on a CPU that it was not compiled for it does not");
    change_slots();
    return wrong;
}
