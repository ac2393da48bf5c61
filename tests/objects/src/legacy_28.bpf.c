// SPDX-License-Identifier: Apache-2.0
// Maps of the kernel samples' loader: 28 bytes, an inner map by its place, a NUMA node.
struct sample_map { unsigned type, key_size, value_size, max_entries, flags, inner_map_idx, numa_node; };
#define SEC(n) __attribute__((section(n), used))
struct sample_map SEC("maps") inner = { 2, 4, 8, 4 };
struct sample_map SEC("maps") outer = { 12, 4, 4, 2, 0, 0 };
struct sample_map SEC("maps") counts = { 2, 4, 8, 4, 0, 0, 0 };
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
