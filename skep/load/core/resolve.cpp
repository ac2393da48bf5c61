// SPDX-License-Identifier: Apache-2.0
#include "skep/load/core/resolve.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "skep/load/core/compatible.hpp"

namespace skep::load::core {
namespace {

using btf::Btf;
using btf::Kind;
using btf::TypeId;

// The bytes that must be read to have a field, and the bits of it within them.
struct FieldPlace {
    std::uint64_t byte_offset = 0;
    std::uint32_t byte_size = 0;
    std::uint64_t bit_offset = 0; // of the whole
    std::uint32_t bit_size = 0;
};

Result<FieldPlace> place_of(const Btf& types, const AccessPath& path) {
    FieldPlace place;
    place.bit_offset = path.bit_offset;
    place.byte_size = TRY(types.size_of(path.field_type));
    if (path.field_bits == 0) {
        place.byte_offset = path.bit_offset / 8;
        place.bit_size = place.byte_size * 8;
        return place;
    }
    // A bit field is read by an aligned load of its type's size, or a larger one when it straddles.
    place.bit_size = path.field_bits;
    if (place.byte_size == 0 || place.byte_size > 8) {
        return fail(Code::unsupported, fmt::format("a bit field within {} bytes", place.byte_size));
    }
    while (true) {
        place.byte_offset = path.bit_offset / 8 / place.byte_size * place.byte_size;
        if (path.bit_offset + place.bit_size - place.byte_offset * 8 <=
            std::uint64_t{place.byte_size} * 8) {
            return place;
        }
        if (place.byte_size >= 8) {
            return fail(Code::unsupported, "a bit field that no single load reaches");
        }
        place.byte_size *= 2;
    }
}

bool is_signed_field(const Btf& types, const AccessPath& path) {
    return types.is_signed(path.field_type);
}

Result<std::uint64_t> field_value(CoreKind kind, const Btf& types, const AccessPath& path) {
    if (kind == CoreKind::field_exists) {
        return std::uint64_t{1};
    }
    const FieldPlace place = TRY(place_of(types, path));
    switch (kind) {
    case CoreKind::field_byte_offset:
        return place.byte_offset;
    case CoreKind::field_byte_size:
        return std::uint64_t{place.byte_size};
    case CoreKind::field_signed:
        return std::uint64_t{is_signed_field(types, path) ? 1U : 0U};
    case CoreKind::field_left_shift: // little-endian
        return 64 - (place.bit_offset + place.bit_size - place.byte_offset * 8);
    case CoreKind::field_right_shift:
        return std::uint64_t{64} - place.bit_size;
    case CoreKind::field_exists:
    case CoreKind::type_id_local:
    case CoreKind::type_id_target:
    case CoreKind::type_exists:
    case CoreKind::type_size:
    case CoreKind::enumerator_exists:
    case CoreKind::enumerator_value:
    case CoreKind::type_matches:
        break;
    }
    return fail(Code::unsupported, "no relocation of a field");
}

// Sizes of a field's load, for the instruction to follow; only unsigned numbers and pointers may.
void note_sizes(Resolution& resolution, const Btf& local, const AccessPath& here, const Btf& target,
                const AccessPath& there) {
    const auto local_place = place_of(local, here);
    const auto target_place = place_of(target, there);
    if (!local_place.ok() || !target_place.ok() || here.field_bits != 0 || there.field_bits != 0) {
        return;
    }
    resolution.local_bytes = local_place->byte_size;
    resolution.target_bytes = target_place->byte_size;
    const btf::Type& left = local.type(local.resolve(here.field_type));
    const btf::Type& right = target.type(target.resolve(there.field_type));
    const bool pointers = left.kind == Kind::pointer && right.kind == Kind::pointer;
    const bool unsigned_numbers = left.kind == Kind::integer && right.kind == Kind::integer &&
                                  !local.is_signed(here.field_type) &&
                                  !target.is_signed(there.field_type);
    resolution.may_resize = pointers || unsigned_numbers;
}

const btf::Enumerator* enumerator_named(const btf::Type& enumeration, std::string_view name) {
    for (const btf::Enumerator& enumerator : enumeration.enumerators) {
        if (btf::essential_name(enumerator.name) == name) {
            return &enumerator;
        }
    }
    return nullptr;
}

// Several candidates must come to the same.
Result<void> agree(std::optional<std::uint64_t>& value, std::uint64_t another) {
    if (value && *value != another) {
        return fail(
            Code::invalid_input,
            fmt::format("several types of the target have this name, and they answer {} and {}",
                        *value, another));
    }
    value = another;
    return {};
}

// Absence is an answer too: "no", a size of 0, a type id of 0.
bool is_answer_when_absent(CoreKind kind) {
    return kind == CoreKind::field_exists || kind == CoreKind::enumerator_exists ||
           (kind >= CoreKind::type_id_target && kind <= CoreKind::type_size) ||
           kind == CoreKind::type_matches;
}

} // namespace

Result<const std::vector<TypeId>*> Resolver::candidates(TypeId type) {
    if (target_ == nullptr) {
        return fail(Code::not_found, "it is about the kernel's types, and no kernel BTF was given");
    }
    const auto known = candidates_.find(type);
    if (known != candidates_.end()) {
        return &known->second;
    }
    const btf::Type& local = local_.type(type);
    const std::string_view name = btf::essential_name(local.name);
    std::vector<TypeId> found;
    if (!name.empty()) {
        for (const TypeId id : target_->find_flavours(name)) {
            if (same_kind(target_->type(id).kind, local.kind)) {
                found.push_back(id);
            }
        }
    }
    return &candidates_.emplace(type, std::move(found)).first->second;
}

Result<Resolution> Resolver::resolve_field(CoreKind kind, TypeId type,
                                           const std::vector<std::uint32_t>& access) {
    const AccessPath here = TRY(local_path(local_, type, access));
    Resolution resolution;
    resolution.local_value = TRY(field_value(kind, local_, here));
    for (const TypeId candidate : *TRY(candidates(type))) {
        const auto there = target_path(local_, here, *target_, candidate);
        if (!there) {
            continue;
        }
        const auto value = field_value(kind, *target_, *there);
        if (!value.ok()) {
            continue;
        }
        TRY(agree(resolution.value, *value));
        if (kind == CoreKind::field_byte_offset) {
            note_sizes(resolution, local_, here, *target_, *there);
        }
    }
    // The compiler's own value depends on padding it chose for bit fields; it is not compared.
    resolution.has_local_value = here.field_bits == 0 && kind != CoreKind::field_exists;
    return resolution;
}

Result<Resolution> Resolver::resolve_type(CoreKind kind, TypeId type) {
    Resolution resolution;
    resolution.has_local_value = false;
    if (kind == CoreKind::type_id_local) {
        resolution.value = type;
        return resolution;
    }
    for (const TypeId candidate : *TRY(candidates(type))) {
        const bool fits = kind == CoreKind::type_matches
                              ? types_match(local_, type, *target_, candidate)
                              : types_are_compatible(local_, type, *target_, candidate);
        if (!fits) {
            continue;
        }
        if (kind == CoreKind::type_id_target) {
            TRY(agree(resolution.value, candidate));
        } else if (kind == CoreKind::type_size) {
            const std::uint32_t size = TRY(target_->size_of(candidate));
            TRY(agree(resolution.value, size));
        } else {
            resolution.value = 1;
        }
    }
    return resolution;
}

Result<Resolution> Resolver::resolve_enumerator(CoreKind kind, TypeId type, std::uint32_t index) {
    const btf::Type& local = local_.type(local_.resolve(type));
    if (index >= local.enumerators.size()) {
        return fail(Code::invalid_input, fmt::format("enumerator {} of '{}', which has {}", index,
                                                     local.name, local.enumerators.size()));
    }
    Resolution resolution;
    resolution.has_local_value = kind == CoreKind::enumerator_value;
    resolution.local_value = local.enumerators[index].value;
    const std::string_view name = btf::essential_name(local.enumerators[index].name);
    for (const TypeId candidate : *TRY(candidates(type))) {
        const btf::Enumerator* found =
            enumerator_named(target_->type(target_->resolve(candidate)), name);
        if (found != nullptr) {
            TRY(agree(resolution.value, kind == CoreKind::enumerator_exists ? 1 : found->value));
        }
    }
    return resolution;
}

Result<Resolution> Resolver::resolve(CoreKind kind, TypeId type, std::string_view access) {
    if (!local_.has(type) || kind > CoreKind::type_matches) {
        return fail(Code::invalid_input, fmt::format("relocation kind {} of type {}",
                                                     static_cast<std::uint32_t>(kind), type));
    }
    const std::vector<std::uint32_t> path = TRY(parse_access(access));
    Resolution resolution =
        kind <= CoreKind::field_right_shift ? TRY(resolve_field(kind, type, path))
        : kind == CoreKind::enumerator_exists || kind == CoreKind::enumerator_value
            ? TRY(resolve_enumerator(kind, type, path.front()))
            : TRY(resolve_type(kind, type));
    if (!resolution.value && is_answer_when_absent(kind)) {
        resolution.value = 0;
    }
    return resolution;
}

} // namespace skep::load::core
