// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/calls/objects/exchange.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "skep/verify/calls/arguments/argument_kinds.hpp"

namespace skep::verify {
namespace {

std::optional<SpecialField> field_of(const CallSite& site) {
    const Value& value = site.value(1);
    return field_at(site.subject, value,
                    value.offset + static_cast<std::int64_t>(value.number.value()));
}

Finding misplaced(int os_errno, std::string kernel_message) {
    return refuse(FindingCode::wrong_object, os_errno, std::move(kernel_message),
                  "bpf_kptr_xchg takes the address of a pointer field");
}

} // namespace

Ruling<void> check_pointer_place(const CallSite& site, unsigned number, CallPlan& /*plan*/) {
    const Value& value = site.value(number);
    const bool in_object = value.is(ValueKind::btf_object);
    if (in_object &&
        (!value.has(kAllocated) || value.has(kNonOwning | kRcu | kPercpu | kUntrusted))) {
        return wrong_kind(site, number, "map_value, ptr_");
    }
    if (!in_object && site.subject.map(value.map()).btf_value_type_id == 0) {
        return misplaced(EINVAL,
                         fmt::format("map '{}' has to have BTF in order to use bpf_kptr_xchg",
                                     site.subject.map(value.map()).name));
    }
    if (!value.at_fixed_offset()) {
        return misplaced(EINVAL, fmt::format("R{} doesn't have constant offset. kptr has to be at "
                                             "the constant offset",
                                             number));
    }
    const std::vector<SpecialField>& fields = special_fields(site.subject, value);
    const bool has_any = std::any_of(fields.begin(), fields.end(), [](const SpecialField& field) {
        return field.pointer != PointerField::none && field.pointer != PointerField::user;
    });
    if (!has_any) {
        return misplaced(EINVAL, fmt::format("R{} has no valid kptr", number));
    }
    const std::int64_t offset = value.offset + static_cast<std::int64_t>(value.number.value());
    const std::optional<SpecialField> field = field_of(site);
    if (!field.has_value() || field->pointer == PointerField::none ||
        field->pointer == PointerField::user) {
        return misplaced(EACCES, fmt::format("off={} doesn't point to kptr", offset));
    }
    if (field->pointer == PointerField::untrusted) {
        return misplaced(EACCES, fmt::format("off={} kptr isn't referenced kptr", offset));
    }
    return {};
}

Ruling<void> check_pointer_given(const CallSite& site, unsigned number, CallPlan& plan) {
    const Value& value = site.value(number);
    if (value.is_constant_zero()) {
        plan.precise_regs = static_cast<std::uint16_t>(plan.precise_regs | (1U << number));
        return {};
    }
    TRY(check_fits_field(site.subject, *field_of(site), static_cast<Reg>(number), value));
    return {};
}

Value taken_pointer(const CallSite& site, const CallPlan& /*plan*/, IdSource& ids) {
    const SpecialField field = *field_of(site);
    Value value = Value::pointer(ValueKind::btf_object, kMaybeNull, field.type);
    value.instance = field.instance;
    value.flags |= field.instance != 0 ? std::uint32_t{kAllocated} : 0U;
    value.flags |= field.pointer == PointerField::per_cpu ? std::uint32_t{kPercpu} : 0U;
    value.id = ids.next();
    return value;
}

} // namespace skep::verify
