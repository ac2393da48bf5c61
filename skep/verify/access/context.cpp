// SPDX-License-Identifier: Apache-2.0
//
// Context accesses, judged by the rows of spec/contexts.
//
// A pointer that a load yields stands for the whole of what it points at, so a load that would keep
// only a part of it, or spread its sign, is no such load: pointers are never sign-extended.
#include "skep/verify/access/context.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "skep/spec/contexts/contexts.hpp"
#include "skep/spec/rights/rights.hpp"
#include "skep/verify/access/typed_context.hpp"
#include "skep/verify/access/types/typed_pointer.hpp"
#include "skep/verify/explain/codes.hpp"

namespace skep::verify {
namespace {

spec::ContextId context_of(const Subject& subject) {
    const spec::ProgramTypeRow* type = spec::find(subject.program.type);
    return type == nullptr ? spec::ContextId::none : type->context;
}

const spec::AccessRow* find_row(const Subject& subject, const ContextAccess& access) {
    return spec::find_access({
        .context = context_of(subject),
        .program = subject.program.type,
        .attach = static_cast<spec::AttachType>(subject.program.expected_attach_type),
        .offset = access.offset,
        .bytes = access.size_bytes,
        .direction = access.direction == Direction::read ? spec::AccessDirection::load
                                                         : spec::AccessDirection::store,
    });
}

// The field at that offset, whoever may access it.
const spec::ContextField* field_at(spec::ContextId id, std::int64_t offset) {
    for (const spec::ContextField& field : spec::fields(id)) {
        if (offset >= field.offset && offset < std::int64_t{field.offset} + field.bytes) {
            return &field;
        }
    }
    return nullptr;
}

Finding refused(const Subject& subject, const ContextAccess& access) {
    const std::string_view verb = access.direction == Direction::read ? "read" : "written";
    const spec::ContextId id = context_of(subject);
    Finding finding = refuse(
        FindingCode::context_access, EACCES,
        fmt::format("invalid bpf_context access off={} size={}", access.offset, access.size_bytes),
        {});
    const spec::ProgramTypeRow* type = spec::find(subject.program.type);
    const std::string_view program = type == nullptr ? "such" : type->name;
    const spec::ContextField* field =
        id == spec::ContextId::none ? nullptr : field_at(id, access.offset);
    if (field == nullptr) {
        finding.because =
            fmt::format("{} bytes at offset {} are {}, and no field of the context lies there",
                        access.size_bytes, access.offset, verb);
        return finding;
    }
    const std::string_view structure = spec::context(id).structure;
    finding.because =
        fmt::format("{} bytes at offset {} are {}: {}{}{} ({} bytes at {}), which {} programs may "
                    "not access so",
                    access.size_bytes, access.offset, verb, structure, structure.empty() ? "" : ".",
                    field->name, field->bytes, field->offset, program);
    return finding;
}

Value trusted_object(const Subject& subject, std::string_view type) {
    Value value = Value::pointer(ValueKind::btf_object, kTrusted);
    if (subject.environment.kernel_types != nullptr) {
        value.subject =
            subject.environment.kernel_types->find(type, btf::Kind::structure).value_or(0);
    }
    return value;
}

Value yielded(const Subject& subject, const ContextAccess& access, const spec::Yield& yields) {
    switch (yields.kind) {
    case spec::YieldKind::number:
        return loaded_number(access.size_bytes, access.sign_extended);
    case spec::YieldKind::packet:
        return Value::pointer(ValueKind::packet);
    case spec::YieldKind::packet_end:
        return Value::pointer(ValueKind::packet_end);
    case spec::YieldKind::packet_meta:
        return Value::pointer(ValueKind::packet_meta);
    case spec::YieldKind::socket:
        return Value::pointer(ValueKind::socket);
    case spec::YieldKind::socket_or_null:
        return Value::pointer(ValueKind::socket, kMaybeNull);
    case spec::YieldKind::sock_common_or_null:
        return Value::pointer(ValueKind::socket_common, kMaybeNull);
    case spec::YieldKind::flow_keys:
        return Value::pointer(ValueKind::flow_keys);
    case spec::YieldKind::tracepoint_buffer:
        return Value::pointer(ValueKind::tracepoint_buffer);
    case spec::YieldKind::trusted:
        return trusted_object(subject, yields.type);
    }
    return Value::unknown();
}

bool may_access(const Subject& subject, const ContextAccess& access, const spec::AccessRow& row) {
    const spec::Right right =
        spec::right_to_access(*row.field,
                              access.direction == Direction::read ? spec::AccessDirection::load
                                                                  : spec::AccessDirection::store,
                              subject.program.type);
    const Capabilities& has = subject.environment.capabilities;
    return right == spec::Right::nothing || (right == spec::Right::bpf ? has.bpf : has.perfmon);
}

} // namespace

Ruling<Value> check_context_access(const Subject& subject, const ContextAccess& access) {
    if (context_of(subject) == spec::ContextId::none) {
        return check_typed_context(subject, access);
    }
    const spec::AccessRow* row = find_row(subject, access);
    if (row != nullptr && !may_access(subject, access, *row)) {
        Finding finding = refused(subject, access);
        finding.because =
            fmt::format("{} is for programs whose loader has CAP_BPF", row->field->name);
        return finding;
    }
    const bool is_pointer = row != nullptr && row->yields.kind != spec::YieldKind::number;
    if (row == nullptr || (is_pointer && access.sign_extended)) {
        return refused(subject, access);
    }
    if (access.direction == Direction::write) {
        return Value::uninitialised();
    }
    Value value = yielded(subject, access, row->yields);
    if (value.is(ValueKind::btf_object) && value.type_id() == 0) {
        return refuse(FindingCode::not_known_yet, EACCES,
                      fmt::format("invalid bpf_context access off={} size={}", access.offset,
                                  access.size_bytes),
                      fmt::format("the field points at a struct {}, and no kernel types were given",
                                  row->yields.type));
    }
    return value;
}

std::optional<HostAccess> host_access(const Subject& subject, const ContextAccess& access) {
    const spec::AccessRow* row = find_row(subject, access);
    if (row == nullptr || row->field->host.bytes == 0) {
        return std::nullopt;
    }
    HostAccess host;
    const spec::HostField& field = row->field->host;
    if (row->yields.kind != spec::YieldKind::number) {
        // The host's addresses have eight bytes where the structure of linux/bpf.h has four.
        host.offset = field.offset;
        host.size_bytes = field.bytes;
        return host;
    }
    host.offset = field.offset + static_cast<std::uint32_t>(access.offset) - row->field->offset;
    host.size_bytes = access.size_bytes;
    return host;
}

} // namespace skep::verify
