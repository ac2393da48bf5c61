// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/access/types/kernel_types.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "skep/spec/limits.hpp"
#include "skep/verify/explain/codes.hpp"

namespace skep::verify {
namespace {

// Structures nest no deeper than this in any BTF that was parsed.
constexpr int kMaxDepth = spec::limits::btf_depth;

// The structure that lies at `offset` inside the structure `id`, when one begins there.
std::optional<btf::TypeId> structure_at(const btf::Btf& types, btf::TypeId id,
                                        std::uint32_t offset) {
    for (const btf::Member& member : types.type(id).members) {
        const std::uint32_t begin = member.bit_offset / 8;
        const btf::TypeId type = types.resolve(member.type);
        const btf::Kind kind = types.type(type).kind;
        if (kind != btf::Kind::structure && kind != btf::Kind::union_) {
            continue;
        }
        if (offset >= begin && offset < begin + types.type(type).size_bytes) {
            return offset == begin ? std::optional(type)
                                   : structure_at(types, type, offset - begin);
        }
    }
    return std::nullopt;
}

bool is_for_every_cpu(const btf::Btf& types, btf::TypeId variable) {
    const auto section = types.find(".data..percpu", btf::Kind::data_section);
    if (!section.has_value()) {
        return false;
    }
    for (const btf::SectionVariable& one : types.type(*section).variables) {
        if (one.variable == variable) {
            return true;
        }
    }
    return false;
}

Value bytes_of(const btf::Btf& types, btf::TypeId type) {
    const Result<std::uint32_t> size = types.size_of(type);
    return Value::pointer(ValueKind::memory, kReadOnly, size.ok() ? *size : 0);
}

} // namespace

Ruling<Value> address_of_variable(const Subject& subject, const Insn& insn) {
    const btf::Btf* types = subject.environment.kernel_types;
    const auto id = static_cast<btf::TypeId>(insn.imm);
    const bool is_known = types != nullptr && insn.imm_high == 0 && insn.imm > 0 && types->has(id);
    const btf::Kind kind = is_known ? types->type(id).kind : btf::Kind::void_;
    if (kind == btf::Kind::function) {
        return Value::pointer(ValueKind::memory, kReadOnly, 0);
    }
    if (kind != btf::Kind::variable) {
        return refuse(FindingCode::wrong_reference, EINVAL,
                      fmt::format("pseudo btf_id {} in ldimm64 isn't KIND_VAR or KIND_FUNC", id),
                      "no variable of the kernel's types that were given");
    }
    if (!subject.environment.kernel_variables) {
        return refuse(FindingCode::wrong_reference, ENOENT,
                      fmt::format("ldimm64 failed to find the address for kernel symbol '{}'.",
                                  types->type(id).name),
                      "where variables of the kernel lie is not known");
    }
    const btf::TypeId type = types->resolve(types->type(id).target);
    if (is_for_every_cpu(*types, id)) {
        return Value::pointer(ValueKind::btf_object, kPercpu, type);
    }
    const bool is_structure = types->type(type).kind == btf::Kind::structure;
    return is_structure ? Value::pointer(ValueKind::btf_object, 0, type) : bytes_of(*types, type);
}

Value on_one_cpu(const Subject& subject, const Value& variable) {
    const btf::Btf* types = types_of(subject, variable);
    if (variable.instance != 0) {
        Value value = Value::pointer(ValueKind::btf_object, kAllocated | kRcu, variable.subject);
        value.instance = variable.instance;
        return value;
    }
    if (types == nullptr) {
        return Value::unknown();
    }
    const bool is_structure =
        types->type(types->resolve(variable.type_id())).kind == btf::Kind::structure;
    return is_structure ? Value::pointer(ValueKind::btf_object, 0, variable.subject)
                        : bytes_of(*types, variable.type_id());
}

const btf::Btf* types_of(const Subject& subject, const Value& value) {
    const btf::Btf* types = subject.environment.types_of(value.instance);
    return types != nullptr && types->has(value.type_id()) ? types : nullptr;
}

bool begins_with_type(const Subject& subject, const Value& value, std::string_view wanted) {
    const btf::Btf* types = types_of(subject, value);
    const std::int64_t offset = value.offset + static_cast<std::int64_t>(value.number.value());
    if (types == nullptr || offset < 0 || value.instance != 0) {
        return false;
    }
    std::optional<btf::TypeId> id = types->resolve(value.type_id());
    if (offset != 0) {
        id = structure_at(*types, *id, static_cast<std::uint32_t>(offset));
    }
    for (int depth = 0; id.has_value() && depth < kMaxDepth; ++depth) {
        const btf::Type& type = types->type(*id);
        if (type.kind == btf::Kind::structure && type.name == wanted) {
            return true;
        }
        if (type.members.empty() || type.members.front().bit_offset != 0) {
            return false;
        }
        const btf::TypeId first = types->resolve(type.members.front().type);
        id = types->type(first).kind == btf::Kind::structure ? std::optional(first) : std::nullopt;
    }
    return false;
}

std::optional<std::uint32_t> kernel_structure(const Subject& subject, std::string_view name) {
    const btf::Btf* types = subject.environment.kernel_types;
    return types == nullptr ? std::nullopt : types->find(name, btf::Kind::structure);
}

} // namespace skep::verify
