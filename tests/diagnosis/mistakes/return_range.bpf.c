/* SPDX-License-Identifier: Apache-2.0 */
/* The answer is none that the hook knows. Expected: E0601.
 * Suggests: a number from 0 to 1 */
#include "mistake.h"

SEC("cgroup/sock_create")
int allow(struct bpf_sock *sk)
{
    if (sk->family == 10)
        return 0;
    bpf_printk("another family");
#ifdef FIXED
    return 1; /* a number from 0 to 1 */
#else
    return 2;
#endif
}
