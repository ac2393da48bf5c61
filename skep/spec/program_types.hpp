// SPDX-License-Identifier: Apache-2.0
//
// Program types: what a program may be, what it is handed, what it may answer.
//
// Columns of program_types.def:
//   id    the number of linux/bpf.h
//   name  bpftool's word
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "skep/spec/type_set.hpp"

namespace skep::spec {

enum class ProgramType : std::uint32_t {
#define PROGRAM_TYPE(id, name) name = id,
#include "skep/spec/program_types.def"
};

struct ProgramTypeRow {
    ProgramType type;
    std::string_view name;
};

inline constexpr std::array kProgramTypes{
#define PROGRAM_TYPE(id, name) ProgramTypeRow{ProgramType::name, #name},
#include "skep/spec/program_types.def"
};

// The row, or null for a number that no kernel knows.
constexpr const ProgramTypeRow* find(ProgramType type) {
    for (const ProgramTypeRow& row : kProgramTypes) {
        if (row.type == type) {
            return &row;
        }
    }
    return nullptr;
}

// The type by bpftool's word.
constexpr std::optional<ProgramType> program_type_named(std::string_view name) {
    for (const ProgramTypeRow& row : kProgramTypes) {
        if (row.name == name) {
            return row.type;
        }
    }
    return std::nullopt;
}

using ProgramTypeSet = TypeSet<ProgramType>;

// The words of columns that hold sets of program types.
namespace program_sets {
#define PROGRAM_TYPE(id, name) inline constexpr ProgramTypeSet name{ProgramType::name};
#include "skep/spec/program_types.def"
} // namespace program_sets

} // namespace skep::spec
