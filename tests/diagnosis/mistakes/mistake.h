/* SPDX-License-Identifier: Apache-2.0 */
/* What the mistakes share: the few types and helpers that they use. */
#ifndef MISTAKE_H
#define MISTAKE_H
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";
#endif
