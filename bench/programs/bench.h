/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmark programs share. The same source becomes bytecode (clang -target bpf) and, as the limit of what can
 * be had, machine code of this host (BENCH_LEVEL is then _o2 or _o3): PROGRAM, MAP and the functions below mean the
 * right thing in each. Natively a map is a number, and looking up is a call into the same map library. */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;

#define NOINLINE static __attribute__((noinline))
#define INLINE static inline __attribute__((always_inline))
#define PASS 2
#define DROP 1
#define TX 3

#ifdef __bpf__

struct context { u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex; };

#define ENTRY(name) __attribute__((section("xdp"), used)) int name(struct context *context)
#define MAP(name, index, kind, key_type, value_type, entries, flags)                                                   \
    struct {                                                                                                           \
        int (*type)[kind];                                                                                             \
        key_type *key;                                                                                                 \
        value_type *value;                                                                                             \
        int (*max_entries)[entries];                                                                                   \
        int (*map_flags)[flags];                                                                                       \
    } name __attribute__((section(".maps"), used))

static void *(*const bpf_lookup)(void *, const void *) = (void *)1;
static long (*const bpf_update)(void *, const void *, const void *, u64) = (void *)2;
static long (*const bpf_erase)(void *, const void *) = (void *)3;
static u64 (*const bpf_now)(void) = (void *)5;
static u32 (*const bpf_cpu)(void) = (void *)8;
#define lookup(map, key) bpf_lookup(&map, key)
#define update(map, key, value) bpf_update(&map, key, value, 0)
#define erase(map, key) bpf_erase(&map, key)
#define now() bpf_now()
#define cpu_number() bpf_cpu()
INLINE u64 zero_unseen(const struct context *context) { return context->rx_queue_index; }
INLINE u8 *packet(const struct context *context) { return (u8 *)(u64)context->data; }
INLINE u8 *packet_end(const struct context *context) { return (u8 *)(u64)context->data_end; }

#else

struct context {
    u8 *data, *data_end;
    void *const *maps;
    void *(*lookup)(void *, const void *);
    long (*update)(void *, const void *, const void *);
    long (*erase)(void *, const void *);
    u64 (*now)(void);
};
#define JOIN(a, b) a##b
#define NAMED(name, level) JOIN(name, level)
#define ENTRY(name) int NAMED(name, BENCH_LEVEL)(struct context *context)
#define MAP(name, index, kind, key_type, value_type, entries, flags) enum { name = index }
#define lookup(map, key) context->lookup(context->maps[map], key)
#define update(map, key, value) context->update(context->maps[map], key, value)
#define erase(map, key) context->erase(context->maps[map], key)
#define now() context->now()
#define cpu_number() 0
INLINE u64 zero_unseen(const struct context *context) {
    u64 zero = 0;
    __asm__ volatile("" : "+r"(zero));
    return zero;
}
INLINE u8 *packet(const struct context *context) { return context->data; }
INLINE u8 *packet_end(const struct context *context) { return context->data_end; }

#endif

/* Kinds of maps. */
#define HASH 1
#define ARRAY 2
#define PERCPU_HASH 5
#define PERCPU_ARRAY 6
#define LRU_HASH 9
#define LPM_TRIE 11
#define NO_PREALLOC 1

/* What a program is given is mixed with a number that is zero and that nobody knows: an optimiser of bytecode sees
 * through whatever the C compiler was kept from seeing. */
#define PROGRAM(name)                                                                                                  \
    INLINE int name##_body(struct context *context, u64 unseen);                                                       \
    ENTRY(name) { return name##_body(context, zero_unseen(context)); }                                                 \
    INLINE int name##_body(struct context *context __attribute__((unused)), u64 unseen __attribute__((unused)))
#define given(number) ((number) ^ unseen)

/* A number that the C compiler cannot see through. */
INLINE u64 opaque(u64 number) {
    __asm__ volatile("" : "+r"(number));
    return number;
}

/* The same, for 32 bits that index memory: the bound is taken where the verifier sees it. */
INLINE u32 below(u32 number, u32 power_of_two) {
    __asm__ volatile("" : "+r"(number));
    return number & (power_of_two - 1);
}

INLINE u16 swap16(u16 number) { return __builtin_bswap16(number); }
INLINE u32 swap32(u32 number) { return __builtin_bswap32(number); }

struct __attribute__((packed)) ethernet { u8 to[6], from[6]; u16 type; };
struct __attribute__((packed)) ipv4 {
    u8 version_length, service; u16 length, id, fragment; u8 ttl, protocol; u16 checksum; u32 from, to;
};
struct __attribute__((packed)) ipv6 { u32 version_flow; u16 length; u8 next, hops; u64 from[2], to[2]; };
struct __attribute__((packed)) udp { u16 from, to, length, checksum; };
struct __attribute__((packed)) tcp { u16 from, to; u32 sequence, acknowledged; u8 offset, flags; u16 window, checksum, urgent; };
