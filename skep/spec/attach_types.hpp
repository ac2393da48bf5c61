// SPDX-License-Identifier: Apache-2.0
//
// Attach types: where a program of some type may be put.
//
// Columns of attach_types.def:
//   id    the number of linux/bpf.h
//   name  bpftool's word
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "skep/spec/type_set.hpp"

namespace skep::spec {

enum class AttachType : std::uint32_t {
#define ATTACH_TYPE(id, name) name = id,
#include "skep/spec/attach_types.def"
};

struct AttachTypeRow {
    AttachType type;
    std::string_view name;
};

inline constexpr std::array kAttachTypes{
#define ATTACH_TYPE(id, name) AttachTypeRow{AttachType::name, #name},
#include "skep/spec/attach_types.def"
};

// The row, or null for a number that no kernel knows.
constexpr const AttachTypeRow* find(AttachType type) {
    for (const AttachTypeRow& row : kAttachTypes) {
        if (row.type == type) {
            return &row;
        }
    }
    return nullptr;
}

// The type by bpftool's word.
constexpr std::optional<AttachType> attach_type_named(std::string_view name) {
    for (const AttachTypeRow& row : kAttachTypes) {
        if (row.name == name) {
            return row.type;
        }
    }
    return std::nullopt;
}

using AttachTypeSet = TypeSet<AttachType>;

// The words of columns that hold sets of attach types.
namespace attach_sets {
#define ATTACH_TYPE(id, name) inline constexpr AttachTypeSet name{AttachType::name};
#include "skep/spec/attach_types.def"
inline constexpr AttachTypeSet any_attach_type{~0ULL};
} // namespace attach_sets

} // namespace skep::spec
