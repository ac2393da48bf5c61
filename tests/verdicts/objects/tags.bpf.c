/* SPDX-License-Identifier: Apache-2.0 */
/* What a global function says of its arguments is what its callers must bring. */
#include "object.h"

__attribute__((noinline)) int pid_of(struct task_struct *task tagged("arg:trusted")) {
    return task->pid;
}

__attribute__((noinline)) int pid_of_any(struct task_struct *task tagged("arg:trusted")
                                             tagged("arg:nullable")) {
    return task ? task->pid : 0;
}

__attribute__((noinline)) int pid_unchecked(struct task_struct *task tagged("arg:trusted")
                                                tagged("arg:nullable")) {
    return task->pid;
}

__attribute__((noinline)) int number_at(int *place tagged("arg:nonnull")) { return *place; }

SEC("tc") int good_trusted(void *context) { return pid_of((void *)bpf_get_current_task_btf()); }

SEC("tc") int good_null_where_it_may_be(void *context) { return pid_of_any(0); }

SEC("tc") int good_address_on_the_stack(void *context) {
    int number = 4;
    return number_at(&number);
}

SEC("tc") int bad_null_where_it_may_not_be(void *context) { return pid_of(0); }

SEC("tc") int bad_context_for_a_task(void *context) { return pid_of(context); }

SEC("tc") int bad_body_does_not_ask(void *context) { return pid_unchecked(0); }
