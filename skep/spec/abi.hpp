// SPDX-License-Identifier: Apache-2.0
//
// The records of bpf(2): the attribute structures that commands take and the information structures
// that they give back, laid out as Linux 6.18 lays them out (taken from its public type
// information).
//
// These are ours, not <linux/bpf.h>'s, because the header of the oldest supported distribution
// lacks fields of the kernels that skep talks to. Pointers are 64-bit numbers. A structure may
// grow; no field moves. Every command's structure is named in its row of commands.def.
#pragma once

#include <cstddef>
#include <cstdint>

namespace skep::abi {

inline constexpr std::uint32_t kNameSize = 16; // BPF_OBJ_NAME_LEN, its zero included
inline constexpr std::uint32_t kTagSize = 8;

struct MapCreateAttr {
    std::uint32_t map_type, key_size, value_size, max_entries, map_flags, inner_map_fd, numa_node;
    char map_name[kNameSize];
    std::uint32_t map_ifindex, btf_fd, btf_key_type_id, btf_value_type_id,
        btf_vmlinux_value_type_id;
    std::uint64_t map_extra;
    std::int32_t value_type_btf_obj_fd, map_token_fd;
    std::uint64_t excl_prog_hash;
    std::uint32_t excl_prog_hash_size;
};

struct MapElementAttr { // lookup, update, delete, next key, lookup-and-delete, freeze (map_fd
                        // alone)
    std::uint32_t map_fd, padding;
    std::uint64_t key, value, flags; // value is next_key for MAP_GET_NEXT_KEY
};

struct MapBatchAttr {
    std::uint64_t in_batch, out_batch, keys, values;
    std::uint32_t count, map_fd;
    std::uint64_t elem_flags, flags;
};

struct ProgLoadAttr {
    std::uint32_t prog_type, insn_cnt;
    std::uint64_t insns, license;
    std::uint32_t log_level, log_size;
    std::uint64_t log_buf;
    std::uint32_t kern_version, prog_flags;
    char prog_name[kNameSize];
    std::uint32_t prog_ifindex, expected_attach_type, prog_btf_fd, func_info_rec_size;
    std::uint64_t func_info;
    std::uint32_t func_info_cnt, line_info_rec_size;
    std::uint64_t line_info;
    std::uint32_t line_info_cnt, attach_btf_id, attach_prog_fd, core_relo_cnt;
    std::uint64_t fd_array, core_relos;
    std::uint32_t core_relo_rec_size, log_true_size;
    std::int32_t prog_token_fd;
    std::uint32_t fd_array_cnt;
    std::uint64_t signature;
    std::uint32_t signature_size;
    std::int32_t keyring_id;
};

struct ObjAttr { // OBJ_PIN, OBJ_GET
    std::uint64_t pathname;
    std::uint32_t bpf_fd, file_flags;
    std::int32_t path_fd;
};

struct ProgAttachAttr { // PROG_ATTACH, PROG_DETACH
    std::uint32_t target_fd, attach_bpf_fd, attach_type, attach_flags, replace_bpf_fd, relative_fd;
    std::uint64_t expected_revision;
};

struct TestRunAttr {
    std::uint32_t prog_fd, retval, data_size_in, data_size_out;
    std::uint64_t data_in, data_out;
    std::uint32_t repeat, duration, ctx_size_in, ctx_size_out;
    std::uint64_t ctx_in, ctx_out;
    std::uint32_t flags, cpu, batch_size;
};

struct IdAttr { // *_GET_NEXT_ID, *_GET_FD_BY_ID
    std::uint32_t id, next_id, open_flags;
    std::int32_t token_fd;
};

struct InfoAttr {
    std::uint32_t bpf_fd, info_len;
    std::uint64_t info;
};

struct ProgQueryAttr {
    std::uint32_t target_fd, attach_type, query_flags, attach_flags;
    std::uint64_t prog_ids;
    std::uint32_t count, padding;
    std::uint64_t prog_attach_flags, link_ids, link_attach_flags, revision;
};

struct RawTracepointAttr {
    std::uint64_t name;
    std::uint32_t prog_fd, padding;
    std::uint64_t cookie;
};

struct BtfLoadAttr {
    std::uint64_t btf, btf_log_buf;
    std::uint32_t btf_size, btf_log_size, btf_log_level, btf_log_true_size, btf_flags;
    std::int32_t btf_token_fd;
};

struct LinkCreateAttr {
    std::uint32_t prog_fd, target_fd, attach_type, flags;
    std::uint32_t kind[12]; // by attach type: target_btf_id, iter_info, cookie, netfilter, tcx...
};

struct LinkUpdateAttr {
    std::uint32_t link_fd, new_prog_fd, flags, old_prog_fd;
};

struct FdAttr { // LINK_DETACH (link), ENABLE_STATS (type)
    std::uint32_t fd;
};

struct IterCreateAttr {
    std::uint32_t link_fd, flags;
};

struct BindMapAttr {
    std::uint32_t prog_fd, map_fd, flags;
};

struct TaskFdQueryAttr {
    std::uint32_t pid, fd, flags, buf_len;
    std::uint64_t buf;
    std::uint32_t prog_id, fd_type;
    std::uint64_t probe_offset, probe_addr;
};

struct TokenCreateAttr {
    std::uint32_t flags, bpffs_fd;
};

struct StreamReadAttr { // PROG_STREAM_READ_BY_FD
    std::uint64_t stream_buf;
    std::uint32_t stream_buf_len, stream_id, prog_fd;
};

struct ProgInfo {
    std::uint32_t type, id;
    std::uint8_t tag[kTagSize];
    std::uint32_t jited_prog_len, xlated_prog_len;
    std::uint64_t jited_prog_insns, xlated_prog_insns, load_time;
    std::uint32_t created_by_uid, nr_map_ids;
    std::uint64_t map_ids;
    char name[kNameSize];
    std::uint32_t ifindex, gpl_compatible; // only the lowest bit
    std::uint64_t netns_dev, netns_ino;
    std::uint32_t nr_jited_ksyms, nr_jited_func_lens;
    std::uint64_t jited_ksyms, jited_func_lens;
    std::uint32_t btf_id, func_info_rec_size;
    std::uint64_t func_info;
    std::uint32_t nr_func_info, nr_line_info;
    std::uint64_t line_info, jited_line_info;
    std::uint32_t nr_jited_line_info, line_info_rec_size, jited_line_info_rec_size, nr_prog_tags;
    std::uint64_t prog_tags, run_time_ns, run_cnt, recursion_misses;
    std::uint32_t verified_insns, attach_btf_obj_id, attach_btf_id, padding;
};
static_assert(sizeof(ProgInfo) == 232);

struct MapInfo {
    std::uint32_t type, id, key_size, value_size, max_entries, map_flags;
    char name[kNameSize];
    std::uint32_t ifindex, btf_vmlinux_value_type_id;
    std::uint64_t netns_dev, netns_ino;
    std::uint32_t btf_id, btf_key_type_id, btf_value_type_id, btf_vmlinux_id;
    std::uint64_t map_extra, hash;
    std::uint32_t hash_size, padding;
};
static_assert(sizeof(MapInfo) == 104);

struct BtfInfo {
    std::uint64_t btf;
    std::uint32_t btf_size, id;
    std::uint64_t name;
    std::uint32_t name_len, kernel_btf;
};
static_assert(sizeof(BtfInfo) == 32);

struct LinkInfo {
    std::uint32_t type, id, prog_id, padding;
    std::uint32_t kind[14]; // by type: xdp {ifindex}, netns {netns_ino, attach_type}, cgroup {id,
                            // attach_type}...
};

// Offset checks against the kernel's layout.
static_assert(sizeof(MapCreateAttr) == 96 && sizeof(ProgLoadAttr) == 168);
static_assert(offsetof(MapCreateAttr, map_extra) == 64 &&
              offsetof(MapCreateAttr, excl_prog_hash) == 80);
static_assert(offsetof(ProgLoadAttr, prog_ifindex) == 64 &&
              offsetof(ProgLoadAttr, fd_array) == 120);
static_assert(sizeof(TestRunAttr) == 80 && sizeof(LinkCreateAttr) == 64);

} // namespace skep::abi
