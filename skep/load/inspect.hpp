// SPDX-License-Identifier: Apache-2.0
//
// What an object file holds before anything is resolved: its code by section, with the functions,
// source lines and relocations in it. For showing; load_object() reads it for use.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "skep/load/object.hpp"

namespace skep::load {

struct InspectedFunction {
    std::string name;
    std::uint32_t first_insn = 0;
    std::uint32_t insn_count = 0;
};
struct InspectedRelocation {
    std::uint32_t insn = 0;
    std::string kind; // "R_BPF_64_64"
    std::string symbol;
};
struct InspectedSection {
    std::string name;
    std::vector<RawInsn> insns;
    std::vector<InspectedFunction> functions;     // rising
    std::vector<LineInfo> lines;                  // rising
    std::vector<InspectedRelocation> relocations; // rising
};
struct Inspection {
    std::vector<InspectedSection> code; // in the file's order
    std::optional<btf::Btf> types;
    bool has_debug_info = false; // DWARF
    bool has_symbols = false;
};

Result<Inspection> inspect_object(Bytes file, const std::string& file_name);

// The contents of one section of any ELF file, for a BTF that is kept in one.
Result<ByteVector> section_of_any_elf(Bytes file, std::string_view section);

} // namespace skep::load
