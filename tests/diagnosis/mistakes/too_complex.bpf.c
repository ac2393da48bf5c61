/* SPDX-License-Identifier: Apache-2.0 */
/* A loop goes round more often than can be judged. Expected: E0701.
 * Suggests: bpf_loop( */
#include "mistake.h"

struct sum {
    __u64 value;
    __u32 mark;
};

static int add(__u32 index, void *data)
{
    struct sum *sum = data;
    sum->value += index ^ sum->mark;
    return 0;
}

SEC("socket")
int many(struct __sk_buff *skb)
{
    struct sum sum = {0, skb->mark};
#ifdef FIXED
    bpf_loop(400000, add, &sum, 0);
#else
    for (volatile __u32 index = 0; index < 400000; index++)
        add(index, &sum);
#endif
    return sum.value & 1;
}
