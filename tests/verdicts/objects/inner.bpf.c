/* SPDX-License-Identifier: Apache-2.0 */
/* Maps in maps: the inner ones have types too, or nobody knew where their lock is. */
#include "object.h"

struct locked {
    struct bpf_spin_lock lock;
    __u32 number;
};
struct inner {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct locked);
} first SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, 2);
    __type(key, __u32);
    __array(values, struct inner);
} outer SEC(".maps") = {.values = {&first}};

static struct locked *locked(void) {
    __u32 zero = 0;
    void *map = bpf_map_lookup_elem(&outer, &zero);
    return map ? bpf_map_lookup_elem(map, &zero) : 0;
}

SEC("tc") int good_lock_of_an_inner_map(void *context) {
    struct locked *value = locked();
    if (!value)
        return 0;
    bpf_spin_lock(&value->lock);
    value->number++;
    bpf_spin_unlock(&value->lock);
    return 0;
}

SEC("tc") int bad_lock_of_an_inner_map_is_kept(void *context) {
    struct locked *value = locked();
    if (value)
        bpf_spin_lock(&value->lock);
    return 0;
}

SEC("tc") int bad_inner_map_is_not_tested(void *context) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(bpf_map_lookup_elem(&outer, &zero), &zero) != 0;
}

SEC("tc") int bad_lock_of_one_is_given_back_to_another(void *context) {
    struct locked *value = locked();
    struct locked *other = locked();
    if (!value || !other)
        return 0;
    bpf_spin_lock(&value->lock);
    bpf_spin_unlock(&other->lock);
    return 0;
}
