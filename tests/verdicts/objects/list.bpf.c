/* SPDX-License-Identifier: Apache-2.0 */
/* A list under its lock: what goes in is lent, what comes out is owned. */
#include "object.h"

struct item {
    struct bpf_list_node node;
    __u64 number;
};
struct shelf {
    struct bpf_spin_lock lock;
    struct bpf_list_head head contains(item, node);
};
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct shelf);
} shelves SEC(".maps");

static struct shelf *shelf(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&shelves, &zero);
}

SEC("tc") int good_push_and_pop(void *context) {
    struct shelf *place = shelf();
    struct item *item = new_object(struct item);
    if (!item)
        return 0;
    if (!place) {
        bpf_obj_drop_impl(item, 0);
        return 0;
    }
    item->number = 7;
    bpf_spin_lock(&place->lock);
    bpf_list_push_front_impl(&place->head, &item->node, 0, 0);
    struct bpf_list_node *first = bpf_list_pop_front(&place->head);
    bpf_spin_unlock(&place->lock);
    if (!first)
        return 0;
    item = container_of(first, struct item, node);
    int number = item->number;
    bpf_obj_drop_impl(item, 0);
    return number;
}

SEC("tc") int bad_pushed_without_lock(void *context) {
    struct shelf *place = shelf();
    if (!place)
        return 0;
    struct item *item = new_object(struct item);
    if (!item)
        return 0;
    bpf_list_push_front_impl(&place->head, &item->node, 0, 0);
    return 0;
}

SEC("tc") int bad_object_is_leaked(void *context) {
    struct item *item = new_object(struct item);
    return item ? item->number : 0;
}

SEC("tc") int bad_popped_is_leaked(void *context) {
    struct shelf *place = shelf();
    if (!place)
        return 0;
    bpf_spin_lock(&place->lock);
    bpf_list_pop_front(&place->head);
    bpf_spin_unlock(&place->lock);
    return 0;
}

SEC("tc") int bad_dropped_twice(void *context) {
    struct item *item = new_object(struct item);
    if (!item)
        return 0;
    bpf_obj_drop_impl(item, 0);
    bpf_obj_drop_impl(item, 0);
    return 0;
}

SEC("tc") int bad_used_after_drop(void *context) {
    struct item *item = new_object(struct item);
    if (!item)
        return 0;
    bpf_obj_drop_impl(item, 0);
    return item->number;
}

SEC("tc") int bad_lent_object_is_used_after_unlock(void *context) {
    struct shelf *place = shelf();
    if (!place)
        return 0;
    struct item *item = new_object(struct item);
    if (!item)
        return 0;
    bpf_spin_lock(&place->lock);
    bpf_list_push_front_impl(&place->head, &item->node, 0, 0);
    bpf_spin_unlock(&place->lock);
    return item->number;
}

SEC("tc") int bad_node_is_written_by_hand(void *context) {
    struct item *item = new_object(struct item);
    if (!item)
        return 0;
    *(volatile __u64 *)&item->node = 1;
    bpf_obj_drop_impl(item, 0);
    return 0;
}

SEC("tc") int bad_node_of_another_lock(void *context) {
    struct shelf *place = shelf();
    struct shelf *other = shelf();
    if (!place || !other)
        return 0;
    struct item *item = new_object(struct item);
    if (!item)
        return 0;
    bpf_spin_lock(&other->lock);
    bpf_list_push_front_impl(&place->head, &item->node, 0, 0);
    bpf_spin_unlock(&other->lock);
    return 0;
}
