/* SPDX-License-Identifier: Apache-2.0 */
/* Which maps a program may name, and what of a map's own structure it may read. */
#include "object.h"

struct bpf_map {
    __u32 max_entries;
    __u32 value_size;
} __attribute__((preserve_access_index));

struct locked {
    struct bpf_spin_lock lock;
    __u32 number;
};
struct timed {
    struct bpf_timer timer;
};
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct locked);
} locks SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct timed);
} timers SEC(".maps");

SEC("tc") int good_size_is_read(void *context) {
    return ((struct bpf_map *)&locks)->max_entries;
}

SEC("tc") int bad_size_is_written(void *context) {
    ((volatile struct bpf_map *)&locks)->max_entries = 2;
    return 0;
}

SEC("tc") int good_lock_is_taken(void *context) {
    __u32 zero = 0;
    struct locked *value = bpf_map_lookup_elem(&locks, &zero);
    if (!value)
        return 0;
    bpf_spin_lock(&value->lock);
    value->number++;
    bpf_spin_unlock(&value->lock);
    return 0;
}

SEC("tc") int bad_lock_is_read(void *context) {
    __u32 zero = 0;
    struct locked *value = bpf_map_lookup_elem(&locks, &zero);
    return value ? *(volatile __u32 *)&value->lock : 0;
}

SEC("kprobe/nothing") int bad_locks_are_not_for_probes(void *context) {
    __u32 zero = 0;
    struct locked *value = bpf_map_lookup_elem(&locks, &zero);
    return value ? value->number : 0;
}

SEC("socket") int bad_locks_are_not_for_socket_filters(void *context) {
    __u32 zero = 0;
    struct locked *value = bpf_map_lookup_elem(&locks, &zero);
    return value ? value->number : 0;
}

SEC("kprobe/nothing") int bad_timers_are_not_for_probes(void *context) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&timers, &zero) != 0;
}
