/* SPDX-License-Identifier: Apache-2.0 */
/* A helper is called that this type of program does not have. Expected: E0402.
 * Suggests: sched_cls */
#include "mistake.h"

#ifdef FIXED
SEC("tc") /* sched_cls */
#else
SEC("socket")
#endif
int mark(struct __sk_buff *skb)
{
    bpf_skb_change_tail(skb, 64, 0);
    return 0;
}
