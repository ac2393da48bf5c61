/* SPDX-License-Identifier: Apache-2.0
 *
 * The runtime of programs that `skep compile` made and that want more than a header can give: helpers, and maps that are
 * more than memory. Link with -lskep-runtime. Programs that need none of this need none of it: their header says so.
 *
 * The header of a unit NAME has NAME_open(), to be called once before anything runs: it makes the maps and hands the code
 * what it calls. Then runs may happen on several threads at once, each with a CPU number of its own below the number that
 * the unit was compiled for (--cpus).
 *
 * Functions that can fail answer 0 or a negative errno.
 */
#ifndef SKEP_RUNTIME_H
#define SKEP_RUNTIME_H 1

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

struct skep_map;
struct skep_run;

/* ---- maps ---- */

/* A place in values that is no plain memory: a lock and the like. */
struct skep_map_field {
    uint32_t kind, offset, size;
};

/* As MAP_CREATE has them. */
struct skep_map_shape {
    const char *name;
    uint32_t type, key_size, value_size, max_entries, flags, cpus;
    uint64_t extra;
    const struct skep_map_field *fields;
    size_t field_count;
    const struct skep_map_shape *inner; /* of maps that hold maps: what these are like; else null */
};

/* `initial` is how the first value begins (the rest is zero), or null. The map is the caller's until skep_map_free; those that
 * NAME_open() makes live as long as the process. */
int skep_map_make(const struct skep_map_shape *shape, const void *initial, size_t initial_size, struct skep_map **map);
void skep_map_free(struct skep_map *map); /* no run that uses it may go on, and no map hold it; null is nothing */
void *skep_map_values(struct skep_map *map); /* of arrays: the first value; else null */

/* Elements, as bpf(2) has them; of per-CPU maps a value is those of all CPUs side by side, each rounded up to eight bytes.
 * Queues, stacks and bloom filters have no keys: null. */
int skep_map_lookup(struct skep_map *map, const void *key, void *value, size_t value_size);
int skep_map_update(struct skep_map *map, const void *key, const void *value, size_t value_size, uint64_t flags);
int skep_map_erase(struct skep_map *map, const void *key);
int skep_map_take(struct skep_map *map, const void *key, void *value, size_t value_size); /* looks up, and erases */
int skep_map_next_key(struct skep_map *map, const void *key, void *next); /* key null: the first; -ENOENT at the end */

/* Of a ring buffer: hands each finished record to `each`, oldest first, until there is none or it answers other than 0. How
 * many it handed on. One reader of a ring at a time; a record is gone when `each` returns. */
int skep_ring_read(struct skep_map *ring, int (*each)(void *owner, const void *record, size_t size), void *owner);

/* ---- programs ---- */

/* Values of a map that lie in the native object: parts side by side, one for each CPU of a per-CPU array. */
struct skep_memory {
    const void *values;
    size_t part_size, parts;
};

/* PROGRAM_record() of the unit's header has it. */
struct skep_program {
    uint64_t (*entry)(void *context, struct skep_run *run);
    void (*call_back)(void); /* the code's own: how a helper calls a function of the program */
    uint32_t type; /* BPF_PROG_TYPE_* */
    uint32_t cpus; /* it runs on CPUs below that number */
    struct skep_map *const *const *maps; /* the unit's variables */
    size_t map_count; /* at most SKEP_PROGRAM_MAPS */
    const struct skep_memory *memory;
    size_t memory_count;
};
#define SKEP_PROGRAM_MAPS 256

/* Puts a program into a program array, for tail calls from programs of the same type; a map into a map that holds maps, whose
 * shape it must have. They stay until something else is put there or skep_map_erase; skep_map_update is refused. The process
 * may name 4,096 programs and 65,536 maps so while it lives. */
int skep_map_put_program(struct skep_map *map, uint32_t index, const struct skep_program *program);
int skep_map_put_map(struct skep_map *map, const void *key, struct skep_map *inner);

/* One run on a context that the caller made. Of this function and the next two: on a CPU that the unit was not compiled for
 * nothing runs, and the answer is 0. */
uint64_t skep_run_program(const struct skep_program *program, void *context, uint32_t cpu);
/* One run of an XDP program on a packet of *size bytes. What it leaves goes back into `packet`, at most `room` bytes, and its
 * length into *size. */
uint32_t skep_run_xdp(const struct skep_program *program, void *packet, size_t *size, size_t room, uint32_t cpu);
/* The same for programs on socket buffers and a frame of 14 to 65,550 bytes; of another length nothing runs, and the answer
 * is 0. Programs above the link layer (socket filters) see what follows the Ethernet header, which then comes back as zeroes. */
uint32_t skep_run_skb(const struct skep_program *program, void *frame, size_t *size, size_t room, uint32_t cpu);

/* Who hears lines of bpf_printk; standard error at first. */
void skep_set_trace(void (*trace)(const char *text, uint32_t size));

/* ---- for NAME_open() ---- */

/* What the code calls, by number; null when there is no such thing. */
void *skep_helper(uint32_t id);
void *skep_routine(uint32_t number);
/* Names the layout of what code and library share: code made for another one is not run. */
uint64_t skep_layout(void);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
