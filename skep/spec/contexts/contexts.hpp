// SPDX-License-Identifier: Apache-2.0
//
// Contexts: what R1 points at, and other records that programs reach through typed pointers
// (sockets, flow keys): which bytes may be read and written by whom, in what width, and what a load
// gives.
//
// Contexts whose slots are typed by BTF (tracing, lsm, struct_ops) have no fixed fields and no
// rows.
//
// Columns of CONTEXT rows:  name, the structure of linux/bpf.h, its bytes, what it is
// Columns of FIELD rows:
//   context, field
//   offset, bytes   where it lies in the structure that programs are compiled against
//   host            where it lies in the record of host_contexts.hpp; no_host: no engine has it yet
//   says            what it holds
// Columns of ACCESS rows, any number for a field:
//   load, store     in which widths (enum of words in contexts.cpp): word: exactly 4 bytes; quad:
//                   exactly 8; narrow: 1, 2 or 4 at multiples of their width; narrow_quad: 8 too;
//                   head: 4, or 1 or 2 at its beginning; port: 2 bytes, singly too, or 4 with the
//                   padding after them; unaligned: any width at any place inside
//   yields          what a load of it gives (enum YieldKind)
//   programs        program types for which the row holds
//   attach types    attach types for which it holds
// An access is allowed when one row of the field at its offset allows it, and refused else.
//
// Source: linux/bpf.h and what Linux 6.18 answers, for every offset and width.
// Proved by: contexts_test.cpp, against the recorded answers where they are at hand.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "skep/spec/attach_types.hpp"
#include "skep/spec/context_id.hpp"
#include "skep/spec/program_types.hpp"

namespace skep::spec {

enum class YieldKind : std::uint8_t {
    number,
    packet,
    packet_end,
    packet_meta,
    socket,
    socket_or_null,
    sock_common_or_null,
    flow_keys,
    tracepoint_buffer,
    trusted, // a trusted BTF pointer to `type`
};
struct Yield {
    YieldKind kind = YieldKind::number;
    std::string_view type = {};
    constexpr bool operator==(const Yield&) const = default;
};

// The widths in which a field may be accessed: bits, from the words of the load and store columns.
enum Widths : std::uint16_t {
    kNoWidth = 0,
    kAligned1 = 1U << 0, // anywhere in the field, at a multiple of the width
    kAligned2 = 1U << 1,
    kAligned4 = 1U << 2,
    kAligned8 = 1U << 3,
    kFirst1 = 1U << 4, // at its first byte only
    kFirst2 = 1U << 5,
    kFirst4 = 1U << 6,    // may reach past its end, into padding
    kUnaligned = 1U << 7, // any width, anywhere in the field
};

struct HostField {
    std::uint16_t offset = 0;
    std::uint16_t bytes = 0; // 0: no engine has it
};

struct ContextField {
    ContextId context = ContextId::none;
    std::string_view name;
    std::uint32_t offset = 0;
    std::uint32_t bytes = 0;
    HostField host;
    std::string_view says;
};

struct AccessRow {
    const ContextField* field = nullptr;
    Widths load = kNoWidth;
    Widths store = kNoWidth;
    Yield yields;
    ProgramTypeSet programs;
    AttachTypeSet attach_types;
};

struct Context {
    ContextId id = ContextId::none;
    std::string_view name;
    std::string_view structure; // empty: it has none in linux/bpf.h
    std::uint32_t bytes = 0;
    std::string_view says;
};

enum class AccessDirection : std::uint8_t { load, store };

std::span<const Context> contexts();
const Context& context(ContextId id); // precondition: not none
std::span<const ContextField> fields(ContextId id);
std::span<const AccessRow> accesses(ContextId id);

// The row that allows the access, or null: it is refused.
struct AccessQuery {
    ContextId context = ContextId::none;
    ProgramType program = ProgramType::unspec;
    AttachType attach{};
    std::int64_t offset = 0;
    std::uint32_t bytes = 0;
    AccessDirection direction = AccessDirection::load;
};
const AccessRow* find_access(const AccessQuery& query);

} // namespace skep::spec
