// SPDX-License-Identifier: Apache-2.0
// Maps of iproute2's loader: 36 bytes, inner maps by an id, pinning of its own numbers.
struct bpf_elf_map { unsigned type, size_key, size_value, max_elem, flags, id, pinning, inner_id, inner_idx; };
#define SEC(n) __attribute__((section(n), used))
struct bpf_elf_map SEC("maps") counts = { .type = 2, .size_key = 4, .size_value = 8, .max_elem = 4, .pinning = 2 };
struct bpf_elf_map SEC("maps") outer = { .type = 12, .size_key = 4, .size_value = 4, .max_elem = 4, .inner_id = 7 };
struct bpf_elf_map SEC("maps") inner = { .type = 2, .size_key = 4, .size_value = 8, .max_elem = 4, .id = 7, .pinning = 5 };
struct ctx { unsigned data, data_end; };
static void *(*lookup)(void *, const void *) = (void *)1;

// Two programs in one section, whose name tells the type as old loaders read it.
SEC("xdp_count") int one(struct ctx *c)
{
	unsigned key = 0;
	unsigned long *value = lookup(&counts, &key);

	if (value)
		*value += 1;
	return 2;
}

SEC("xdp_count") int two(struct ctx *c)
{
	unsigned key = 1;
	unsigned long *value = lookup(&counts, &key);

	if (value)
		*value += 2;
	return 1;
}

// A section whose name tells nothing.
SEC("mystery") int three(struct ctx *c)
{
	return c->data_end - c->data > 40 ? 1 : 2;
}

char _license[] SEC("license") = "GPL";
