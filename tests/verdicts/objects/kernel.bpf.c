/* SPDX-License-Identifier: Apache-2.0 */
/* What an object asks of the kernel it is loaded for: each question has one answer that is safe. */
#include "object.h"

#define KERNEL_5_8 (5 << 16 | 8 << 8)

struct bpf_iter_num {
    __u64 opaque[1];
};
extern int LINUX_KERNEL_VERSION __kconfig;
extern unsigned CONFIG_HZ __kconfig;
extern _Bool CONFIG_NOBODY_HAS_THIS __kconfig __weak;
extern int bpf_iter_num_new(struct bpf_iter_num *iterator, int start, int end) __weak __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *iterator) __weak __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *iterator) __weak __ksym;
extern void nobody_has_this(void) __weak __ksym;
extern const void _text __ksym;

static int unsafe(void) { return *(volatile int *)1; }

SEC("tc") int good_version(void *context) { return LINUX_KERNEL_VERSION >= KERNEL_5_8 ? 0 : unsafe(); }

SEC("tc") int bad_version(void *context) { return LINUX_KERNEL_VERSION >= KERNEL_5_8 ? unsafe() : 0; }

SEC("tc") int good_configuration(void *context) { return CONFIG_HZ >= 100 ? 0 : unsafe(); }

SEC("tc") int good_absent_configuration(void *context) {
    return CONFIG_NOBODY_HAS_THIS ? unsafe() : 0;
}

SEC("tc") int good_function_that_is_there(void *context) {
    struct bpf_iter_num iterator;
    int sum = 0, *number;
    if (!bpf_iter_num_new)
        return unsafe();
    bpf_iter_num_new(&iterator, 0, 10);
    while ((number = bpf_iter_num_next(&iterator)))
        sum += *number;
    bpf_iter_num_destroy(&iterator);
    return sum;
}

SEC("tc") int bad_iterator_is_left(void *context) {
    struct bpf_iter_num iterator;
    bpf_iter_num_new(&iterator, 0, 10);
    return 0;
}

SEC("tc") int good_function_that_is_not_there(void *context) {
    if (nobody_has_this)
        nobody_has_this();
    return 0;
}

SEC("tc") int bad_function_that_is_not_there(void *context) {
    nobody_has_this();
    return 0;
}

SEC("tc") int good_field_that_is_there(void *context) {
    return bpf_core_field_exists(((struct task_struct *)0)->pid) ? 0 : unsafe();
}

SEC("tc") int good_address(void *context) { return (long)&_text == 12; }

SEC("tp_btf/sched_switch") int good_typed_context(unsigned long long *context) {
    return ((struct task_struct *)context[1])->pid & 0;
}
