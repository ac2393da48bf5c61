// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/access/pointer_field.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "skep/spec/contexts/typed_contexts.hpp"
#include "skep/verify/access/types/kernel_types.hpp"
#include "skep/verify/explain/codes.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

const btf::Btf* types_behind(const Subject& subject, const SpecialField& field) {
    return subject.environment.types_of(field.instance);
}

std::string_view type_behind(const Subject& subject, const SpecialField& field) {
    const btf::Btf* types = types_behind(subject, field);
    return types != nullptr && types->has(field.type) ? types->type(field.type).name
                                                      : std::string_view{};
}

Finding refused(std::string kernel_message, std::string because) {
    return refuse(FindingCode::wrong_object, EACCES, std::move(kernel_message), std::move(because));
}

// Objects of the program that are nodes of lists or trees.
bool is_node(const Subject& subject, const SpecialField& field) {
    Value object = Value::pointer(ValueKind::btf_object, 0, field.type);
    object.instance = 1;
    const std::vector<SpecialField>& fields = special_fields(subject, object);
    return std::any_of(fields.begin(), fields.end(), [](const SpecialField& inner) {
        return inner.name == "bpf_list_node" || inner.name == "bpf_rb_node";
    });
}

std::uint32_t flags_of_load(const Subject& subject, const State& state, const SpecialField& field) {
    const bool counted = field.pointer != PointerField::untrusted;
    if (!counted || !is_kept_by_rcu(subject, field) || !state.in_rcu_section()) {
        return kMaybeNull | kUntrusted;
    }
    if (field.pointer == PointerField::per_cpu) {
        return kMaybeNull | kRcu | kPercpu;
    }
    if (field.instance == 0) {
        return kMaybeNull | kRcu;
    }
    return kMaybeNull | kRcu | kAllocated |
           (is_node(subject, field) ? std::uint32_t{kNonOwning} : 0U);
}

// The same type, or, where the reference stays behind, one that the object begins with.
bool is_of_type(const Subject& subject, const SpecialField& field, const Value& value) {
    if (value.instance != field.instance) {
        return false;
    }
    const bool is_whole = value.offset == 0 && value.number.is_zero();
    if (field.instance != 0) {
        return is_whole && value.type_id() == field.type;
    }
    if (field.pointer == PointerField::untrusted) {
        return begins_with_type(subject, value, type_behind(subject, field));
    }
    return is_whole && type_name(subject, value) == type_behind(subject, field);
}

} // namespace

bool is_kept_by_rcu(const Subject& subject, const SpecialField& field) {
    if (field.instance != 0 || field.pointer == PointerField::per_cpu) {
        return true;
    }
    return std::ranges::find(spec::kRcuFreed, type_behind(subject, field)) != spec::kRcuFreed.end();
}

std::optional<SpecialField> pointer_field(const Subject& subject, const Value& base,
                                          std::int32_t offset) {
    if (!base.is(ValueKind::map_value) || !base.at_fixed_offset()) {
        return std::nullopt;
    }
    const std::optional<SpecialField> field = field_at(
        subject, base,
        std::int64_t{base.offset} + offset + static_cast<std::int64_t>(base.number.value()));
    return field.has_value() && field->pointer != PointerField::none ? field : std::nullopt;
}

Ruling<Value> load_pointer_field(const Subject& subject, const State& state,
                                 const SpecialField& field) {
    const btf::Btf* types = types_behind(subject, field);
    if (types == nullptr || !types->has(field.type)) {
        return refuse(FindingCode::not_known_yet, EACCES, "kptr of an unknown type",
                      "the type of the object is not among the types that were given");
    }
    if (field.pointer == PointerField::user) {
        const Result<std::uint32_t> size = types->size_of(field.type);
        return Value::pointer(ValueKind::memory, kMaybeNull, size.ok() ? *size : 0);
    }
    Value value =
        Value::pointer(ValueKind::btf_object, flags_of_load(subject, state, field), field.type);
    value.instance = field.instance;
    return value;
}

Ruling<void> check_fits_field(const Subject& subject, const SpecialField& field, Reg reg,
                              const Value& value) {
    std::uint32_t tolerated = kMaybeNull | (field.instance == 0 ? kTrusted | kRcu : kAllocated);
    tolerated |= field.pointer == PointerField::untrusted && field.instance == 0 ? kUntrusted : 0U;
    tolerated |= field.pointer == PointerField::per_cpu ? kPercpu : 0U;
    const bool is_object = value.is(ValueKind::btf_object) && (value.flags & ~tolerated) == 0;
    if (is_object && value.at_fixed_offset() && is_of_type(subject, field, value)) {
        return {};
    }
    const std::string wanted = fmt::format("ptr_{}", type_behind(subject, field));
    const std::string other = field.pointer == PointerField::untrusted
                                  ? fmt::format(" or untrusted_{}", wanted)
                                  : std::string{};
    const std::string has =
        kind_text(value) +
        (value.is(ValueKind::btf_object) ? type_name(subject, value) : std::string{});
    return refused(
        fmt::format("invalid kptr access, R{} type={} expected={}{}", reg, has, wanted, other),
        fmt::format("the field keeps pointers to struct {}, and R{} is {}",
                    type_behind(subject, field), reg, has));
}

Ruling<void> check_pointer_store(const Subject& subject, const SpecialField& field,
                                 std::optional<Reg> reg, const Value& value) {
    if (field.pointer == PointerField::user) {
        return refused("store to uptr disallowed", "user space puts the pointer there");
    }
    if (field.pointer != PointerField::untrusted) {
        return refused("store to referenced kptr disallowed",
                       "what the field held would be lost; bpf_kptr_xchg exchanges it");
    }
    if (value.is_constant_zero()) {
        return {};
    }
    if (!reg.has_value()) {
        return refused(
            fmt::format("BPF_ST imm must be 0 when storing to kptr at off={}", field.offset),
            "a number is no pointer");
    }
    return check_fits_field(subject, field, *reg, value);
}

} // namespace skep::verify
