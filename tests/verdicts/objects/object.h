/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs beside this share: the kernel functions of objects, and how types are tagged. */
#pragma once
/* Newer headers have these; what counts is their names and sizes. */
#define bpf_list_head bpf_list_head_of_the_headers
#define bpf_list_node bpf_list_node_of_the_headers
#define bpf_rb_root bpf_rb_root_of_the_headers
#define bpf_rb_node bpf_rb_node_of_the_headers
#include <linux/bpf.h>
#undef bpf_list_head
#undef bpf_list_node
#undef bpf_rb_root
#undef bpf_rb_node
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define tagged(tag) __attribute__((btf_decl_tag(tag)))
#define kernel_pointer __attribute__((btf_type_tag("kptr")))
#define contains(type, member) tagged("contains:" #type ":" #member)
#define new_object(type) ((type *)bpf_obj_new_impl(bpf_core_type_id_local(type), 0))

struct bpf_list_head {
    __u64 opaque[2];
};
struct bpf_list_node {
    __u64 opaque[3];
};
struct bpf_rb_root {
    __u64 opaque[2];
};
struct bpf_rb_node {
    __u64 opaque[4];
};

struct task_struct {
    int pid;
} __attribute__((preserve_access_index));

extern void *bpf_obj_new_impl(__u64 type, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *object, void *meta) __ksym;
extern int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node,
                                    void *meta, __u64 offset) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node,
                               bool(less)(struct bpf_rb_node *, const struct bpf_rb_node *),
                               void *meta, __u64 offset) __ksym;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root) __ksym;
extern struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root,
                                             struct bpf_rb_node *node) __ksym;
extern struct task_struct *bpf_task_acquire(struct task_struct *task) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;

#ifndef OBJECT_LICENSE
#define OBJECT_LICENSE "GPL"
#endif
char LICENSE[] SEC("license") = OBJECT_LICENSE;
