/* SPDX-License-Identifier: Apache-2.0 */
/* A tree under its lock, with the comparison as a callback. */
#include "object.h"

struct leaf {
    struct bpf_rb_node node;
    __u64 key;
};
struct garden {
    struct bpf_spin_lock lock;
    struct bpf_rb_root root contains(leaf, node);
};
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct garden);
} gardens SEC(".maps");

static struct garden *garden(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&gardens, &zero);
}

static bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b) {
    return container_of(a, struct leaf, node)->key < container_of(b, struct leaf, node)->key;
}

static bool less_and_locks(struct bpf_rb_node *a, const struct bpf_rb_node *b) {
    struct garden *place = garden();
    if (place)
        bpf_spin_lock(&place->lock);
    return false;
}

SEC("tc") int good_add_first_remove(void *context) {
    struct garden *place = garden();
    if (!place)
        return 0;
    struct leaf *leaf = new_object(struct leaf);
    if (!leaf)
        return 0;
    leaf->key = 3;
    bpf_spin_lock(&place->lock);
    bpf_rbtree_add_impl(&place->root, &leaf->node, less, 0, 0);
    struct bpf_rb_node *node = bpf_rbtree_first(&place->root);
    if (node)
        node = bpf_rbtree_remove(&place->root, node);
    bpf_spin_unlock(&place->lock);
    if (node)
        bpf_obj_drop_impl(container_of(node, struct leaf, node), 0);
    return 0;
}

SEC("tc") int good_lent_leaf_is_read_under_the_lock(void *context) {
    struct garden *place = garden();
    if (!place)
        return 0;
    int key = 0;
    bpf_spin_lock(&place->lock);
    struct bpf_rb_node *node = bpf_rbtree_first(&place->root);
    if (node)
        key = container_of(node, struct leaf, node)->key;
    bpf_spin_unlock(&place->lock);
    return key;
}

SEC("tc") int bad_first_is_asked_without_lock(void *context) {
    struct garden *place = garden();
    if (!place)
        return 0;
    struct bpf_rb_node *node = bpf_rbtree_first(&place->root);
    return node != 0;
}

SEC("tc") int bad_first_is_used_after_unlock(void *context) {
    struct garden *place = garden();
    if (!place)
        return 0;
    bpf_spin_lock(&place->lock);
    struct bpf_rb_node *node = bpf_rbtree_first(&place->root);
    bpf_spin_unlock(&place->lock);
    return node ? container_of(node, struct leaf, node)->key : 0;
}

SEC("tc") int bad_removed_is_leaked(void *context) {
    struct garden *place = garden();
    if (!place)
        return 0;
    bpf_spin_lock(&place->lock);
    struct bpf_rb_node *node = bpf_rbtree_first(&place->root);
    if (node)
        node = bpf_rbtree_remove(&place->root, node);
    bpf_spin_unlock(&place->lock);
    return node != 0;
}

SEC("tc") int bad_lent_leaf_is_dropped(void *context) {
    struct garden *place = garden();
    if (!place)
        return 0;
    bpf_spin_lock(&place->lock);
    struct bpf_rb_node *node = bpf_rbtree_first(&place->root);
    if (node)
        bpf_obj_drop_impl(container_of(node, struct leaf, node), 0);
    bpf_spin_unlock(&place->lock);
    return 0;
}

SEC("tc") int bad_comparison_locks(void *context) {
    struct garden *place = garden();
    if (!place)
        return 0;
    struct leaf *leaf = new_object(struct leaf);
    if (!leaf)
        return 0;
    bpf_spin_lock(&place->lock);
    bpf_rbtree_add_impl(&place->root, &leaf->node, less_and_locks, 0, 0);
    bpf_spin_unlock(&place->lock);
    return 0;
}
