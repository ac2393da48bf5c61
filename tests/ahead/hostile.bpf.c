// SPDX-License-Identifier: Apache-2.0
// Names that an object file may have and C may not: of programs and maps that would end a comment, go on in another line, be
// words of the language or the same word twice.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct table {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2);
    __type(key, unsigned);
    __type(value, unsigned long long);
};
struct hash {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 2);
    __type(key, unsigned);
    __type(value, unsigned long long);
};

struct table first SEC(".maps");
struct table FIRST SEC(".maps");
struct hash first_handle SEC(".maps");
struct hash open SEC(".maps");

static int use(void* map) {
    unsigned key = 1;
    unsigned long long* value = bpf_map_lookup_elem(map, &key);
    return value ? (int)++*value : 3;
}

SEC("xdp") int plain(struct xdp_md* ctx) asm("*/ int evil; /*");
SEC("xdp") int plain(struct xdp_md* ctx) {
    return use(&first);
}

SEC("xdp") int lines(struct xdp_md* ctx) asm("evil\\\n#error evil\n\"");
SEC("xdp") int lines(struct xdp_md* ctx) {
    return use(&FIRST);
}

SEC("xdp") int evil_on(struct xdp_md* ctx) {
    return use(&first_handle);
}

SEC("xdp") int evil(struct xdp_md* ctx) {
    return use(&open);
}

SEC("xdp") int t(struct xdp_md* ctx) {
    return 2;
}

SEC("xdp") int letters(struct xdp_md* ctx) asm("\303\251t\303\251 ?\?/");
SEC("xdp") int letters(struct xdp_md* ctx) {
    return 1;
}

char _license[] SEC("license") = "GPL";
