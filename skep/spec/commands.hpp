// SPDX-License-Identifier: Apache-2.0
//
// The commands of bpf(2): what each takes, needs and gives.
//
// The dispatcher checks attributes by these rows; the daemon's wire format copies by them what a
// call reads and writes, and passes the descriptors that it names: neither knows commands by hand.
//
// Columns of COMMAND rows:
//   number      of linux/bpf.h
//   name        the same in lower case, without BPF_
//   structure   its attributes (abi.hpp)
//   bytes       how many bytes of the attributes it reads or writes; a byte beyond them that is not
//               zero is an error
//   capability  what the caller needs: none, bpf, net_admin, sys_admin; by_type: as the program's
//   type returns     zero, a new descriptor, or a count support     what the user engine does with
//   it since       the first kernel with it says        what it does
//
// Columns of DESCRIPTOR rows, one for each attribute that is a descriptor:
//   command, structure, field
//   kind        of what: map, program, btf, link, token; any of these; other: a file of the system
//   when        the attribute is one only then (enum DescriptorWhen)
// Descriptors inside instructions (wide immediates that name maps), in fd_array and in the values
// of maps that hold maps or programs are not rows here: the rules of their payload say so.
//
// Columns of POINTER rows, one for each attribute that is an address:
//   direction   in: the command reads there; out: it writes there; in_out: both
//   rule        how long it is (enum LengthRule), from
//   count, each the attributes that the rule looks at (repeated where it needs only one)
//   maximum     bytes; a longer payload is refused with E2BIG
//
// Columns of INFO_POINTER rows: addresses inside the record that OBJ_GET_INFO_BY_FD fills in;
// `count` entries of `each` bytes are wanted there.
//
// Source: linux/bpf.h, man bpf(2), and what Linux 6.18 answers. Proved by: commands_test.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "skep/spec/abi.hpp"
#include "skep/spec/support.hpp"

namespace skep::spec {

enum class Command : std::uint32_t {
#define COMMAND(number, name, ...) name = number,
#include "skep/spec/commands.def"
};

enum class CommandCapability : std::uint8_t { none, bpf, net_admin, sys_admin, by_type };
enum class CommandReturns : std::uint8_t { zero, descriptor, count };

struct CommandRow {
    Command command;
    std::string_view name;
    std::string_view structure;
    std::uint32_t structure_bytes;
    std::uint32_t bytes;
    CommandCapability capability;
    CommandReturns returns;
    Support support;
    std::string_view since;
    std::string_view says;
};

enum class DescriptorKind : std::uint8_t { map, program, btf, link, token, any, other };
enum class DescriptorWhen : std::uint8_t {
    always,
    non_zero,       // 0 means none
    map_of_maps,    // the map type holds maps
    flag_vtype_btf, // kMapVtypeBtfObjFd among map_flags
    flag_token,     // the command's TOKEN_FD flag
    flag_path_fd,   // BPF_F_PATH_FD
    flag_replace,   // BPF_F_REPLACE
    target_is_fd,   // by attach type: a cgroup, namespace, map or program; else an interface index
};

struct DescriptorRow {
    Command command;
    std::string_view field;
    std::uint32_t offset;
    DescriptorKind kind;
    DescriptorWhen when;
};

enum class Direction : std::uint8_t { in, out, in_out };
enum class LengthRule : std::uint8_t {
    bytes,        // `count` tells the bytes
    text,         // up to and with the first zero byte
    records,      // `count` times `each`
    records_of_4, // `count` times 4
    records_of_8, // `count` times 8
    descriptors,  // `count` descriptors of 4 bytes, each to be passed; 0: as many as instructions
                  // index
    key,          // the key size of the map `count`; null is allowed where the command allows it
    value,        // the size of a value of the map `count` as user space sees it: per-CPU maps have
                  // one, rounded up to 8, for each possible CPU; maps of maps and programs 4
    keys,         // `count` keys of the map `map_fd`
    values,       // `count` values of the map `map_fd`
    batch_cursor, // 4 bytes, or the key size when that is more
    info,         // `count` bytes; addresses inside it by INFO_POINTER rows
};

struct PointerRow {
    Command command;
    std::string_view field;
    std::uint32_t offset; // of an address of 8 bytes
    Direction direction;
    LengthRule rule;
    std::uint32_t count_offset; // each a number of 4 bytes
    std::uint32_t each_offset;
    std::uint64_t maximum_bytes;
};

struct InfoPointerRow {
    DescriptorKind object;
    std::string_view field;
    std::uint32_t offset;
    std::uint32_t count_offset;
    std::uint32_t each_bytes;
};

// Numbers from here on are skep's own, for what bpf(2) has no call for; no kernel gets them.
inline constexpr std::uint32_t kFirstPrivateCommand = 0x534b0000;

// The longest attributes that any command takes, and the longest that are read at all.
inline constexpr std::uint32_t kUnionBytes = 168;
inline constexpr std::uint32_t kMaximumAttributeBytes = 4096;

// All rows; a row of COMMANDs lies at the index of its number.
std::span<const CommandRow> commands();
std::span<const DescriptorRow> descriptors();
std::span<const PointerRow> pointers();
std::span<const InfoPointerRow> info_pointers();

// The row, or null for a number that is no command.
const CommandRow* find_command(std::uint32_t number);

// The rows of one command.
std::span<const DescriptorRow> descriptors(Command command);
std::span<const PointerRow> pointers(Command command);

} // namespace skep::spec
