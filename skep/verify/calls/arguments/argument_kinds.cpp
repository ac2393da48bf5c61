// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/calls/arguments/argument_kinds.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <initializer_list>

#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

using spec::ArgKind;

// A set of value kinds as bits.
struct Kinds {
    std::uint32_t bits = 0;
    constexpr Kinds(std::initializer_list<ValueKind> kinds) {
        for (const ValueKind kind : kinds) {
            bits |= 1U << static_cast<unsigned>(kind);
        }
    }
    [[nodiscard]] constexpr bool contain(ValueKind kind) const {
        return ((bits >> static_cast<unsigned>(kind)) & 1) != 0;
    }
};

enum class Null : std::uint8_t { refused, allowed };

struct KindRow {
    ArgKind kind;
    Null null;
    std::string_view expected; // as in the log
    Kinds accepted;
    std::string_view words;
};

constexpr std::string_view kMemoryText =
    "fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_";
constexpr std::string_view kSocketText = "sock_common, sock, tcp_sock, xdp_sock";
constexpr std::string_view kAnySocketText =
    "sock_common, sock, tcp_sock, xdp_sock, ptr_, trusted_ptr_";
constexpr std::string_view kFieldText = "map_value, ptr_";
constexpr std::string_view kBtfText = "ptr_, trusted_ptr_, rcu_ptr_";

constexpr Kinds kMemory{ValueKind::stack,   ValueKind::packet,    ValueKind::packet_meta,
                        ValueKind::map_key, ValueKind::map_value, ValueKind::memory,
                        ValueKind::buffer,  ValueKind::btf_object};
constexpr Kinds kSockets{ValueKind::socket_common, ValueKind::socket, ValueKind::tcp_socket,
                         ValueKind::xdp_socket};
constexpr Kinds kAnySocket{ValueKind::socket_common, ValueKind::socket, ValueKind::tcp_socket,
                           ValueKind::xdp_socket, ValueKind::btf_object};
constexpr Kinds kBtf{ValueKind::btf_object};
constexpr Kinds kNumber{ValueKind::scalar};
constexpr Kinds kMapValueOrObject{ValueKind::map_value, ValueKind::btf_object};
constexpr Kinds kMapValue{ValueKind::map_value};
constexpr Kinds kStackOrDynptr{ValueKind::stack, ValueKind::dynptr};
constexpr Kinds kStack{ValueKind::stack};

// In the order of spec::ArgKind.
constexpr std::array kRows{
    KindRow{ArgKind::none, Null::refused, "", {}, "nothing"},
    KindRow{ArgKind::anything, Null::allowed, "", {}, "any value"},
    KindRow{ArgKind::const_map_ptr, Null::refused, "map_ptr", {ValueKind::map_pointer}, "a map"},
    KindRow{ArgKind::map_key, Null::refused, kMemoryText, kMemory, "a pointer to a key of the map"},
    KindRow{ArgKind::map_value, Null::refused, kMemoryText, kMemory,
            "a pointer to a value for the map"},
    KindRow{ArgKind::map_value_or_null, Null::allowed, kMemoryText, kMemory,
            "a pointer to a value for the map, or NULL"},
    KindRow{ArgKind::uninit_map_value, Null::refused, kMemoryText, kMemory,
            "memory for a value of the map"},
    KindRow{ArgKind::mem, Null::refused, kMemoryText, kMemory, "a pointer to memory"},
    KindRow{ArgKind::mem_or_null, Null::allowed, kMemoryText, kMemory,
            "a pointer to memory, or NULL"},
    KindRow{ArgKind::uninit_mem, Null::refused, kMemoryText, kMemory,
            "a pointer to memory that it fills"},
    KindRow{ArgKind::fixed_mem, Null::refused, kMemoryText, kMemory, "a pointer to memory"},
    KindRow{ArgKind::uninit_fixed_mem, Null::refused, kMemoryText, kMemory,
            "a pointer to memory that it fills"},
    KindRow{ArgKind::const_size, Null::refused, "scalar", kNumber, "a size"},
    KindRow{ArgKind::const_size_or_zero, Null::refused, "scalar", kNumber, "a size"},
    KindRow{ArgKind::const_alloc_size_or_zero, Null::refused, "scalar", kNumber, "a constant size"},
    KindRow{ArgKind::const_str, Null::refused, "map_value", kMapValue,
            "a constant text in a read-only map"},
    KindRow{ArgKind::ctx, Null::refused, "ctx", {ValueKind::context}, "the context"},
    KindRow{
        ArgKind::ctx_or_null, Null::allowed, "ctx", {ValueKind::context}, "the context, or NULL"},
    KindRow{ArgKind::sock_common, Null::refused, kSocketText, kSockets, "a socket"},
    KindRow{ArgKind::socket_or_null,
            Null::allowed,
            "sock",
            {ValueKind::socket},
            "a full socket, or NULL"},
    KindRow{ArgKind::btf_id_sock_common, Null::refused, kAnySocketText, kAnySocket, "a socket"},
    KindRow{ArgKind::btf_id_sock_common_or_null, Null::allowed, kAnySocketText, kAnySocket,
            "a socket, or NULL"},
    KindRow{ArgKind::btf_id, Null::refused, kBtfText, kBtf, "a kernel object"},
    KindRow{ArgKind::btf_id_or_null, Null::allowed, kBtfText, kBtf, "a kernel object, or NULL"},
    KindRow{ArgKind::percpu_btf_id, Null::refused,
            "percpu_ptr_, percpu_rcu_ptr_, percpu_trusted_ptr_", kBtf, "a per-CPU variable"},
    KindRow{ArgKind::ringbuf_mem,
            Null::refused,
            "ringbuf_mem",
            {ValueKind::memory},
            "a reserved ring buffer record"},
    KindRow{ArgKind::spin_lock, Null::refused, kFieldText, kMapValueOrObject, "a lock"},
    KindRow{ArgKind::timer, Null::refused, "map_value", kMapValue, "a timer in a map value"},
    KindRow{ArgKind::kptr, Null::refused, kFieldText, kMapValueOrObject,
            "a pointer field of a map value"},
    KindRow{ArgKind::kptr_or_null, Null::allowed, kBtfText, kBtf,
            "a kernel object that fits the field, or NULL"},
    KindRow{
        ArgKind::func, Null::refused, "func", {ValueKind::function}, "a function of this program"},
    KindRow{ArgKind::stack_ptr_or_null, Null::allowed, "fp", kStack,
            "a pointer to the stack, or NULL"},
    KindRow{ArgKind::dynptr, Null::refused, "fp, dynptr_ptr", kStackOrDynptr,
            "an initialised dynptr"},
    KindRow{ArgKind::ringbuf_dynptr, Null::refused, "fp, dynptr_ptr", kStackOrDynptr,
            "an initialised ring buffer dynptr"},
    KindRow{ArgKind::new_local_dynptr, Null::refused, "fp, dynptr_ptr", kStackOrDynptr,
            "stack space for a dynptr"},
    KindRow{ArgKind::new_ringbuf_dynptr, Null::refused, "fp, dynptr_ptr", kStackOrDynptr,
            "stack space for a dynptr"},
};
static_assert([] {
    for (std::size_t i = 0; i < kRows.size(); ++i) {
        if (static_cast<std::size_t>(kRows[i].kind) != i) {
            return false;
        }
    }
    return kRows.size() == static_cast<std::size_t>(ArgKind::new_ringbuf_dynptr) + 1;
}());

const KindRow& row_of(ArgKind kind) { return kRows[static_cast<std::size_t>(kind)]; }

// Flags that change what a value is. Memory that may only be read fits where the function only
// reads.
std::uint32_t tolerated_flags(const KindRow& row, spec::ArgAccess access) {
    std::uint32_t flags = kTrusted | kAllocated | kFromDynptr | kRingbuf;
    if (row.null == Null::allowed) {
        flags |= kMaybeNull;
    }
    if (access == spec::ArgAccess::read || access == spec::ArgAccess::none) {
        flags |= kReadOnly;
    }
    if (row.expected == kBtfText || row.expected == kAnySocketText) {
        flags |= kRcu | kNonOwning;
    }
    if (row.kind == ArgKind::kptr_or_null) {
        flags |= kPercpu;
    }
    if (row.kind == ArgKind::percpu_btf_id) {
        flags |= kPercpu | kRcu;
    }
    return flags;
}

bool fits(const KindRow& row, const spec::Arg& argument, const Value& value) {
    if (!row.accepted.contain(value.kind) ||
        (value.flags & ~tolerated_flags(row, argument.access)) != 0) {
        return false;
    }
    switch (value.kind) {
    case ValueKind::memory:
        return row.kind != ArgKind::ringbuf_mem || value.has(kRingbuf);
    case ValueKind::btf_object:
        // Of objects as plain memory only trusted ones; of per-CPU variables only their addresses.
        // Locks and pointers lie in objects of the program's own.
        return (row.expected != kMemoryText || value.has(kTrusted)) &&
               (row.expected != kFieldText || !value.has(kTrusted)) &&
               (row.kind != ArgKind::percpu_btf_id ||
                (value.has(kPercpu) && !value.has(kAllocated)));
    case ValueKind::uninitialised:
    case ValueKind::scalar:
    case ValueKind::context:
    case ValueKind::map_pointer:
    case ValueKind::map_value:
    case ValueKind::map_key:
    case ValueKind::stack:
    case ValueKind::packet_meta:
    case ValueKind::packet:
    case ValueKind::packet_end:
    case ValueKind::flow_keys:
    case ValueKind::socket:
    case ValueKind::socket_common:
    case ValueKind::tcp_socket:
    case ValueKind::xdp_socket:
    case ValueKind::tracepoint_buffer:
    case ValueKind::buffer:
    case ValueKind::arena:
    case ValueKind::function:
    case ValueKind::dynptr:
        return true;
    }
    return false;
}

} // namespace

std::string_view words_for(ArgKind kind) { return row_of(kind).words; }

bool is_absent(const CallSite& site, unsigned number) {
    const KindRow& row = row_of(site.argument(number).kind);
    return row.null == Null::allowed && row.kind != ArgKind::anything &&
           site.value(number).is_constant_zero();
}

Finding wrong_kind(const CallSite& site, unsigned number, std::string_view expected) {
    const Value& value = site.value(number);
    const std::string kind = kind_text(value);
    const bool null_check_missing = value.may_be_null();
    Finding finding =
        refuse(null_check_missing ? FindingCode::null_check_missing : FindingCode::wrong_argument,
               EACCES, fmt::format("R{} type={} expected={}", number, kind, expected),
               fmt::format("argument {} of {} is {}; R{} is {}", number, site.name(),
                           words_for(site.argument(number).kind), number,
                           value.is_scalar() ? "a number" : "a " + kind));
    if (null_check_missing) {
        finding.what = "a pointer that may be null is passed on";
    }
    return finding;
}

namespace {

// A kernel object is memory only for what is declared to read it.
Ruling<void> check_object_as_memory(const CallSite& site, unsigned number) {
    const spec::Arg& argument = site.argument(number);
    const bool is_declared = argument.kind == ArgKind::mem ||
                             argument.kind == ArgKind::mem_or_null ||
                             argument.kind == ArgKind::fixed_mem;
    if (is_declared && argument.access == spec::ArgAccess::read) {
        return {};
    }
    return refuse(
        FindingCode::object_access, EACCES,
        fmt::format("{}() may write into memory pointed by R{} type={}", site.name(), number,
                    kind_text(site.value(number))),
        fmt::format("R{} is a kernel object, and {} would write into it", number, site.name()));
}

// A map of sockets takes a socket for a value, and gives none.
Ruling<const KindRow*> row_with_map(const CallSite& site, unsigned number, const CallPlan& plan) {
    const ArgKind kind = site.argument(number).kind;
    const bool is_value = kind == ArgKind::map_value || kind == ArgKind::map_value_or_null ||
                          kind == ArgKind::uninit_map_value;
    const spec::MapType map =
        plan.map.has_value() ? site.subject.map(*plan.map).type : spec::MapType::unspec;
    if (!is_value || (map != spec::MapType::sockmap && map != spec::MapType::sockhash)) {
        return &row_of(kind);
    }
    if (kind == ArgKind::map_value) {
        return &row_of(ArgKind::btf_id_sock_common);
    }
    return refuse(
        FindingCode::wrong_map, EINVAL, "invalid arg_type for sockmap/sockhash",
        fmt::format("the values of map '{}' are sockets", site.subject.map(*plan.map).name));
}

} // namespace

Ruling<void> check_packet_argument(const CallSite& site, unsigned number) {
    // Socket events show their packet to loads alone; of socket options every helper takes bytes.
    const Value& value = site.value(number);
    const spec::ProgramType program = site.subject.program.type;
    const bool declared = site.helper.packet_pointers == spec::PacketPointers::allowed;
    const bool allowed = program == spec::ProgramType::cgroup_sockopt ||
                         (declared && program != spec::ProgramType::sock_ops);
    if ((!value.is(ValueKind::packet) && !value.is(ValueKind::packet_meta)) || allowed) {
        return {};
    }
    Finding finding = refuse(
        FindingCode::wrong_argument, EACCES, "helper access to the packet is not allowed",
        fmt::format("{} takes no pointers into the packet, and R{} is one", site.name(), number));
    finding.suggestion = "copy the bytes to the stack first, and pass their address";
    return finding;
}

Ruling<void> check_argument_kind(const CallSite& site, unsigned number, const CallPlan& plan) {
    const spec::Arg& argument = site.argument(number);
    const KindRow& row = *TRY(row_with_map(site, number, plan));
    if (is_absent(site, number)) {
        return {};
    }
    if (!fits(row, argument, site.value(number))) {
        return wrong_kind(site, number, row.expected);
    }
    const bool is_memory = row.expected == kMemoryText;
    return is_memory && site.value(number).is(ValueKind::btf_object)
               ? check_object_as_memory(site, number)
               : Ruling<void>{};
}

} // namespace skep::verify
