// SPDX-License-Identifier: Apache-2.0
//
// A listing: a program's instructions with the C that they came from.
//
// Made from the records of bpf(2) alone (instructions, function and line information, BTF), so that
// the same listing serves every engine. What a call's or a map's number stands for is the caller's
// to say (Names of bytecode/disassemble.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "skep/btf/btf.hpp"
#include "skep/bytecode/disassemble.hpp"
#include "skep/observe/json_writer.hpp"

namespace skep::observe {

struct SourceLine {
    std::string text;
    std::string file;
    std::uint32_t line = 0;
    std::uint32_t column = 0;
};

struct ListedInsn {
    InsnIndex index;
    std::optional<std::string> prototype; // a function begins here
    std::optional<SourceLine> source;     // a line begins here
    std::string text;                     // "(b7) r0 = 2"
    std::vector<RawInsn> slots;
};

struct ListedProgram {
    std::span<const RawInsn> insns;
    std::span<const std::array<std::uint32_t, 2>> functions; // bpf_func_info
    std::span<const std::array<std::uint32_t, 4>> lines;     // bpf_line_info
    const btf::Btf* types = nullptr;                         // null: neither prototypes nor lines
};

std::vector<ListedInsn> make_listing(const ListedProgram& program, const Names& names);

// "int hello(struct xdp_md * ctx)" of a FUNC, or nothing when the type is none.
std::optional<std::string> prototype_text(const btf::Btf& types, btf::TypeId function);
// What a bpf_line_info says.
SourceLine source_line(const btf::Btf& types, const std::array<std::uint32_t, 4>& line);
// "; text [file:F line_num:N line_col:C]" or without the brackets.
enum class LineNumbers : std::uint8_t { hide, show };
std::string source_words(const SourceLine& source, LineNumbers numbers);

struct ListingStyle {
    LineNumbers line_numbers = LineNumbers::hide;
    bool opcodes = false;
};
void print_listing_text(Output& output, std::span<const ListedInsn> listing,
                        const ListingStyle& style);
void print_listing_json(JsonWriter& json, std::span<const ListedInsn> listing,
                        const ListingStyle& style);

// The control flow as a graph in the DOT language: a cluster for each function (first instructions,
// rising), a box for each basic block.
void print_graph(Output& output, std::span<const ListedInsn> listing,
                 std::span<const std::uint32_t> function_starts);

} // namespace skep::observe
