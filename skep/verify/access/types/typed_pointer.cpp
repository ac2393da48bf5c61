// SPDX-License-Identifier: Apache-2.0
//
// Sockets and flow keys are judged by the rows of spec/contexts, kernel objects by their BTF.
#include "skep/verify/access/types/typed_pointer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "skep/spec/contexts/contexts.hpp"
#include "skep/spec/contexts/typed_contexts.hpp"
#include "skep/verify/access/types/btf_walk.hpp"
#include "skep/verify/access/types/kernel_types.hpp"
#include "skep/verify/explain/codes.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

// The record of the tables behind a kind of pointer; none for kinds that have no table.
spec::ContextId record_of(ValueKind kind) {
    switch (kind) {
    case ValueKind::socket:
        return spec::ContextId::sock;
    case ValueKind::socket_common:
        return spec::ContextId::sock_common;
    case ValueKind::tcp_socket:
        return spec::ContextId::tcp_sock;
    case ValueKind::xdp_socket:
        return spec::ContextId::xdp_sock;
    case ValueKind::flow_keys:
        return spec::ContextId::flow_keys;
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
    case ValueKind::tracepoint_buffer:
    case ValueKind::btf_object:
    case ValueKind::memory:
    case ValueKind::buffer:
    case ValueKind::arena:
    case ValueKind::function:
    case ValueKind::dynptr:
        return spec::ContextId::none;
    }
    return spec::ContextId::none;
}

std::int64_t place_of(const TypedAccess& access) {
    return std::int64_t{access.value.offset} +
           static_cast<std::int64_t>(access.value.number.value()) + access.offset;
}

Finding field_refused(const TypedAccess& access, spec::ContextId record) {
    const std::string kind = kind_text(access.value);
    const std::int64_t place = place_of(access);
    std::string message =
        record == spec::ContextId::flow_keys
            ? fmt::format("invalid access to flow keys off={} size={}", place, access.size_bytes)
            : fmt::format("R{} invalid {} access off={} size={}", access.reg, kind, place,
                          access.size_bytes);
    return refuse(
        FindingCode::object_access, EACCES, std::move(message),
        fmt::format("{} bytes at offset {} of a struct {} are no field that may be read so",
                    access.size_bytes, place, spec::context(record).structure));
}

Ruling<Value> check_record(const Subject& subject, const TypedAccess& access,
                           spec::ContextId record) {
    const bool is_store = access.direction == Direction::write;
    if (is_store && record != spec::ContextId::flow_keys) {
        const std::string kind = kind_text(access.value);
        return refuse(FindingCode::object_access, EACCES,
                      fmt::format("R{} cannot write into {}", access.reg, kind),
                      "sockets are read-only; bpf_setsockopt and bpf_sk_storage_get change what "
                      "belongs to one");
    }
    if (access.accessor == Accessor::atomic) {
        const std::string kind = kind_text(access.value);
        return refuse(FindingCode::object_access, EACCES,
                      fmt::format("BPF_ATOMIC stores into R{} {} is not allowed", access.reg, kind),
                      "atomic operations work on the stack, map values and plain memory");
    }
    const spec::AccessRow* row = spec::find_access({
        .context = record,
        .program = subject.program.type,
        .attach = static_cast<spec::AttachType>(subject.program.expected_attach_type),
        .offset = place_of(access),
        .bytes = access.size_bytes,
        .direction = is_store ? spec::AccessDirection::store : spec::AccessDirection::load,
    });
    if (row == nullptr) {
        return field_refused(access, record);
    }
    return is_store ? Value::uninitialised()
                    : loaded_number(access.size_bytes, access.sign_extended);
}

Finding no_such_access(const TypedAccess& access) {
    const std::string kind = kind_text(access.value);
    return refuse(
        access.value.may_be_null() ? FindingCode::null_check_missing : FindingCode::wrong_pointer,
        EACCES, fmt::format("R{} invalid mem access '{}'", access.reg, kind),
        fmt::format("R{} is a {}, through which nothing is read or written", access.reg, kind));
}

// Memory whose size is looked at when the program is attached: any place from its beginning on.
Ruling<Value> check_buffer(const TypedAccess& access) {
    const std::string kind = kind_text(access.value);
    if (access.direction == Direction::write && access.value.has(kReadOnly)) {
        return refuse(FindingCode::memory_access, EACCES,
                      fmt::format("R{} cannot write into {}", access.reg, kind),
                      "the buffer may only be read");
    }
    if (!access.value.at_fixed_offset()) {
        return refuse(FindingCode::memory_access, EACCES,
                      fmt::format("R{} invalid variable buffer offset: off={}, var_off={}",
                                  access.reg, access.offset, bits_text(access.value.number.bits)),
                      "the place in the buffer is not known");
    }
    if (place_of(access) < 0) {
        return refuse(FindingCode::memory_access, EACCES,
                      fmt::format("R{} invalid {} buffer access: off={}, size={}", access.reg,
                                  access.value.has(kReadOnly) ? "rdonly" : "rdwr", place_of(access),
                                  access.size_bytes),
                      "the place lies before the buffer");
    }
    return access.direction == Direction::write
               ? Value::uninitialised()
               : loaded_number(access.size_bytes, access.sign_extended);
}

// The kernel's structure behind a map, as any object that may go away.
Ruling<Value> check_map_structure(const Subject& subject, const State& state,
                                  const TypedAccess& access) {
    const spec::MapSpec& map = subject.map(access.value.map());
    const auto* row =
        std::ranges::find(spec::kMapStructures, map.type, &spec::MapStructureRow::type);
    if (row != spec::kMapStructures.end() && !subject.environment.capabilities.perfmon) {
        return refuse(FindingCode::not_permitted, EPERM,
                      fmt::format("'struct {}' access is allowed only to CAP_PERFMON and "
                                  "CAP_SYS_ADMIN",
                                  row->structure),
                      "the kernel's structure behind a map holds addresses");
    }
    const auto type = row == spec::kMapStructures.end() ? std::nullopt
                                                        : kernel_structure(subject, row->structure);
    if (!type.has_value()) {
        return refuse(FindingCode::not_known_yet, ENOTSUP,
                      fmt::format("map_ptr access not supported for map type {}",
                                  static_cast<std::uint32_t>(map.type)),
                      "the kernel's structure behind the map is not among the types given");
    }
    const std::int64_t place = place_of(access);
    if (place < 0) {
        return refuse(FindingCode::object_access, EACCES,
                      fmt::format("R{} is {} invalid negative access: off={}", access.reg,
                                  row->structure, place),
                      "the place lies before the structure");
    }
    if (access.direction == Direction::write || access.accessor == Accessor::atomic) {
        return refuse(FindingCode::object_access, EACCES,
                      fmt::format("only read from {} is supported", row->structure),
                      "maps are changed by helpers only");
    }
    TypedAccess inside = access;
    inside.value = Value::pointer(ValueKind::btf_object, 0, *type);
    inside.value.offset = access.value.offset;
    inside.behind_map = true;
    return check_btf_access(subject, state, inside);
}

} // namespace

Value loaded_number(std::uint32_t size_bytes, bool sign_extended) {
    const unsigned bits = size_bytes * 8;
    if (bits >= 64) {
        return Value::unknown();
    }
    if (!sign_extended) { // a helper may read any number of bytes
        return Value::scalar(std::has_single_bit(size_bytes) ? number_of_bytes(size_bytes)
                                                             : Scalar::of_bits(bits));
    }
    const std::int64_t half = std::int64_t{1} << (bits - 1);
    return Value::scalar(Scalar::signed_range(-half, half - 1));
}

Value untrusted_memory() { return Value::pointer(ValueKind::memory, kReadOnly | kUntrusted); }

Ruling<Value> check_typed_access(const Subject& subject, const State& state,
                                 const TypedAccess& access) {
    if (access.value.may_be_null()) {
        return no_such_access(access);
    }
    if (access.value.is(ValueKind::btf_object)) {
        return check_btf_access(subject, state, access);
    }
    if (access.value.is(ValueKind::map_pointer)) {
        return check_map_structure(subject, state, access);
    }
    if (access.value.is(ValueKind::buffer) || access.value.is(ValueKind::tracepoint_buffer)) {
        return check_buffer(access);
    }
    const spec::ContextId record = record_of(access.value.kind);
    if (record == spec::ContextId::none) {
        return no_such_access(access);
    }
    if (!access.value.at_fixed_offset()) {
        return refuse(FindingCode::object_access, EACCES,
                      fmt::format("variable {} access var_off={} disallowed",
                                  kind_text(access.value), bits_text(access.value.number.bits)),
                      "the place in the object is not known");
    }
    return check_record(subject, access, record);
}

} // namespace skep::verify
