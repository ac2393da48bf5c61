/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel pointers in maps: exchanged whole, read untrusted, never written as numbers. */
#include "object.h"

struct holder {
    struct task_struct kernel_pointer *task;
    __u64 number;
};
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct holder);
} holders SEC(".maps");

static struct holder *holder(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&holders, &zero);
}

static struct task_struct *current(void) { return (void *)bpf_get_current_task_btf(); }

SEC("tc") int good_exchanged(void *context) {
    struct holder *place = holder();
    if (!place)
        return 0;
    struct task_struct *task = bpf_task_acquire(current());
    if (!task)
        return 0;
    task = bpf_kptr_xchg(&place->task, task);
    if (task)
        bpf_task_release(task);
    return 0;
}

SEC("tc") int good_taken_out(void *context) {
    struct holder *place = holder();
    if (!place)
        return 0;
    struct task_struct *task = bpf_kptr_xchg(&place->task, 0);
    if (!task)
        return 0;
    int pid = task->pid;
    bpf_task_release(task);
    return pid;
}

SEC("tc") int good_looked_at(void *context) {
    struct holder *place = holder();
    if (!place)
        return 0;
    struct task_struct *task = place->task;
    return task ? task->pid : 0;
}

SEC("tc") int bad_old_one_is_leaked(void *context) {
    struct holder *place = holder();
    if (!place)
        return 0;
    bpf_kptr_xchg(&place->task, 0);
    return 0;
}

SEC("tc") int bad_given_away_and_released(void *context) {
    struct holder *place = holder();
    if (!place)
        return 0;
    struct task_struct *task = bpf_task_acquire(current());
    if (!task)
        return 0;
    struct task_struct *old = bpf_kptr_xchg(&place->task, task);
    if (old)
        bpf_task_release(old);
    bpf_task_release(task);
    return 0;
}

SEC("tc") int bad_given_without_owning(void *context) {
    struct holder *place = holder();
    if (!place)
        return 0;
    struct task_struct *old = bpf_kptr_xchg(&place->task, current());
    if (old)
        bpf_task_release(old);
    return 0;
}

SEC("tc") int bad_written_as_a_number(void *context) {
    struct holder *place = holder();
    if (!place)
        return 0;
    *(volatile __u64 *)&place->task = 5;
    return 0;
}

SEC("tc") int bad_written_by_halves(void *context) {
    struct holder *place = holder();
    if (!place)
        return 0;
    *(volatile __u32 *)&place->task = 0;
    return 0;
}

SEC("tc") int bad_exchanged_beside_its_place(void *context) {
    struct holder *place = holder();
    if (!place)
        return 0;
    struct task_struct *old = bpf_kptr_xchg(&place->number, 0);
    if (old)
        bpf_task_release(old);
    return 0;
}

SEC("tc") int bad_looked_at_and_released(void *context) {
    struct holder *place = holder();
    if (!place)
        return 0;
    struct task_struct *task = place->task;
    if (task)
        bpf_task_release(task);
    return 0;
}
