/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel shows to programs that are not under its licence: its maps, not its objects. */
#define OBJECT_LICENSE "MIT"
#include "object.h"

struct bpf_map {
    unsigned max_entries;
} __attribute__((preserve_access_index));
struct tcp_sock {
    unsigned snd_cwnd;
} __attribute__((preserve_access_index));

struct held {
    struct task_struct kernel_pointer *task;
};
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, int);
    __type(value, struct held);
} holders SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 2);
    __type(key, int);
    __type(value, long);
} counters SEC(".maps");

SEC("tp_btf/sched_switch") int bad_argument(unsigned long long *context) {
    return ((struct task_struct *)context[1])->pid;
}

SEC("tp_btf/sched_switch") int bad_place_before(unsigned long long *context) {
    return *(volatile int *)((char *)context[1] - 8);
}

SEC("tc") int bad_held_object(struct __sk_buff *context) {
    int key = 0;
    struct held *held = bpf_map_lookup_elem(&holders, &key);
    struct task_struct *task = held ? held->task : 0;
    return task ? task->pid : 0;
}

SEC("tc") int bad_socket(struct __sk_buff *context) {
    struct bpf_sock *socket = context->sk;
    struct tcp_sock *stream = socket ? bpf_skc_to_tcp_sock(socket) : 0;
    return stream ? stream->snd_cwnd : 0;
}

SEC("tc") int good_fields_of_the_context(struct __sk_buff *context) {
    return context->sk ? context->sk->family : 0;
}

SEC("tp_btf/sched_switch") int good_map(unsigned long long *context) {
    return ((struct bpf_map *)&counters)->max_entries == 3;
}

/* An index that is there is found, on each CPU as well; one that is not has to be asked for. */
SEC("tc") int good_index_that_is_there(struct __sk_buff *context) {
    int key __attribute__((aligned(8))) = 1;
    volatile long *counter = bpf_map_lookup_elem(&counters, &key);
    return *counter == 7;
}

SEC("tc") int bad_index_that_is_not_there(struct __sk_buff *context) {
    int key __attribute__((aligned(8))) = 2;
    volatile long *counter = bpf_map_lookup_elem(&counters, &key);
    return *counter == 7;
}
