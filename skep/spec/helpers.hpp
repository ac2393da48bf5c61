// SPDX-License-Identifier: Apache-2.0
//
// Helpers: what programs may call by number, what each takes and gives, and who may call it.
//
// One file per family in helpers/. The verifier checks calls by these rows and nothing else; the
// functions behind them live in the helpers room, which keeps the support column.
//
// Columns of HELPER rows:
//   id        of linux/bpf.h
//   name      without the bpf_ in front
//   result    what R0 holds afterwards (enum ResultKind)
//   1 .. 5    what each argument must be (enum ArgKind)
//   packet    whether memory arguments may point into the packet
//   effects   what else happens (enum Effect); releases(n): the reference that argument n carries
//   ends licence   gpl_only: only programs under a GPL-compatible licence may call it callers   the
//   set of callers.def that it is offered to support   whether the user engine carries it since the
//   first kernel with it says      what it does
// HELPER_VARIANT rows give other arguments for some program types.
//
// Columns of callers.def:
//   CALLERS       name, and the program types in the set
//   CALLERS_ONLY  narrows a set for one of its program types: these attach types, only for this
//                 target of a BTF-typed program ("a|b" is either)
//
// Sources: linux/bpf.h, public documentation, and what Linux 6.18 answers when asked.
// Proved by: helpers_test.cpp; tests/law/helper_kernel_test.cpp asks the kernel about every row.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "skep/spec/attach_types.hpp"
#include "skep/spec/program_types.hpp"
#include "skep/spec/support.hpp"

namespace skep::spec {

enum class Helper : std::uint32_t {
    unspec = 0,
#define HELPER(id, name, ...) name = id,
#include "skep/spec/helpers/all.def"
};
inline constexpr std::uint32_t kHighestHelper = 211;

// The helper as a call names it in its immediate.
constexpr std::int32_t number_of(Helper helper) { return static_cast<std::int32_t>(helper); }

enum class ArgKind : std::uint8_t {
    none,          // not looked at
    anything,      // any readable register; of unprivileged programs, only numbers
    const_map_ptr, // a map; fixes the map for the arguments after it
    map_key,       // initialised memory of the map's key size
    map_value,     // initialised memory of its value size; a socket for socket maps
    map_value_or_null,
    uninit_map_value, // memory of the value size that the helper fills
    mem,              // initialised memory, its size in the next argument
    mem_or_null,      // the same, or constant 0 with size 0
    uninit_mem,       // memory that the helper fills, its size in the next argument
    fixed_mem,        // initialised memory of `bytes`
    uninit_fixed_mem, // aligned memory of `bytes` that the helper fills
    const_size,       // the size of the argument before, at least 1
    const_size_or_zero,
    const_alloc_size_or_zero, // a known constant
    const_str,                // zero-terminated text in a frozen map that programs cannot write
    ctx,                      // the context pointer, unmodified
    ctx_or_null,
    sock_common,        // a socket of any kind
    socket_or_null,     // a full socket
    btf_id_sock_common, // a socket of any kind, also as a BTF pointer
    btf_id_sock_common_or_null,
    btf_id, // a BTF pointer to `type`, or to a structure that begins with it
    btf_id_or_null,
    percpu_btf_id,     // the address of a per-CPU kernel variable
    ringbuf_mem,       // the start of a reserved ring buffer record
    spin_lock,         // a lock field, at a constant offset
    timer,             // a timer field, at a constant offset
    kptr,              // a pointer field of a map value
    kptr_or_null,      // a pointer that fits the field of the argument before
    func,              // a static subprogram
    stack_ptr_or_null, // a stack pointer for a callback, or constant 0
    dynptr,            // an initialised dynptr
    ringbuf_dynptr,    // an initialised ring buffer dynptr
    new_local_dynptr,  // two free stack slots that become a dynptr
    new_ringbuf_dynptr,
};

// What a helper does with the memory that an argument points at.
enum class ArgAccess : std::uint8_t { none, read, write, read_write };

struct Arg {
    ArgKind kind = ArgKind::none;
    ArgAccess access = ArgAccess::none;
    std::uint16_t bytes = 0;    // fixed_mem, uninit_fixed_mem
    std::string_view type = {}; // btf_id, btf_id_or_null: the kernel's structure

    constexpr bool operator==(const Arg&) const = default;
};
using Arguments = std::array<Arg, 5>;

enum class ResultKind : std::uint8_t {
    nothing, // R0 is unreadable
    integer,
    count_or_error, // from -4095 to the size that argument `argument` gives
    cpu_number,     // from 0 to the number of CPUs less one
    map_value,
    map_value_or_null,
    socket_or_null,
    sock_common_or_null,
    tcp_sock_or_null,
    ringbuf_mem_or_null, // as many bytes as the constant argument says
    dynptr_mem_or_null,  // the same, borrowed from the dynptr
    btf_id,              // a BTF pointer to `type`
    btf_id_or_null,
    trusted_btf_id,
    kptr_or_null,         // of the type of the field that was exchanged
    rdonly_mem_or_btf_id, // by the type of the per-CPU variable
    rdonly_mem_or_btf_id_or_null,
};

struct ResultRule {
    ResultKind kind = ResultKind::nothing;
    std::uint8_t argument = 0;  // count_or_error: 1 to 5
    std::string_view type = {}; // btf_id...

    constexpr bool operator==(const ResultRule&) const = default;
};

enum class Effect : std::uint16_t {
    no_effect = 0,
    acquires = 1,     // the result, or the dynptr that is made, carries a reference
    releases = 2,     // a reference ends
    moves_packet = 4, // every packet pointer becomes a number
    may_sleep = 8,    // only in sleepable programs
    calls_back = 16,  // takes a subprogram
    locks = 32,       // a spin lock is held from here on
    unlocks = 64,
    fastcall = 128, // leaves R1..R5 alone where the compiler relies on it
};

struct Effects {
    std::uint16_t bits = 0;
    std::uint8_t released_argument = 0; // 1 to 5 when releases is set

    [[nodiscard]] constexpr bool has(Effect effect) const {
        return (bits & static_cast<std::uint16_t>(effect)) != 0;
    }
    constexpr Effects operator|(Effects other) const {
        return {static_cast<std::uint16_t>(bits | other.bits),
                static_cast<std::uint8_t>(released_argument | other.released_argument)};
    }
};

// A narrowing of a set of callers for one program type.
struct CallerLimit {
    ProgramType type;
    AttachTypeSet attach_types;
    std::string_view target; // empty: any
};

struct CallerSet {
    std::string_view name;
    ProgramTypeSet types;
    std::span<const CallerLimit> limits;
};

enum class PacketPointers : std::uint8_t { refused, allowed };
enum class Licence : std::uint8_t { any, gpl_only };

struct HelperRow {
    Helper id = Helper::unspec;
    std::string_view name; // as in the log: "bpf_map_lookup_elem"
    ResultRule result;
    Arguments arguments;
    PacketPointers packet_pointers = PacketPointers::refused;
    Effects effects;
    Licence licence = Licence::any;
    const CallerSet* callers = nullptr;
    Support support;
    std::string_view since;
    std::string_view says;
};

// Who calls, as far as it decides about helpers.
struct CallerSite {
    ProgramType type = ProgramType::unspec;
    AttachType attach_type{};
    bool sleepable = false;
    std::string_view target =
        {}; // of a BTF-typed program: the structure of struct_ops, an iterator's kind
};

// Every row; the row of a helper lies at the index of its number less one.
std::span<const HelperRow> helpers();

// The row, or null for a number that is no helper.
const HelperRow* find_helper(std::uint32_t id);
const HelperRow* helper_named(std::string_view name);

// Its arguments when a program of this type calls.
const Arguments& arguments(const HelperRow& row, ProgramType type);

// Every set of callers.
std::span<const CallerSet> caller_sets();

// Whether a program of this kind is offered the helper.
bool is_offered(const HelperRow& row, const CallerSite& caller);

// "ctx", "fixed_mem(20)", "btf_id(task_struct)": a cell as the reference page prints it.
std::string_view name_of(ArgKind kind);
std::string_view name_of(ResultKind kind);

} // namespace skep::spec
