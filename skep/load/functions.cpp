// SPDX-License-Identifier: Apache-2.0
//
// Functions: which stretches of code the file has, and which of them are programs.
//
// A function is a function symbol in a code section. Compilers that leave symbols untyped are
// followed too: in a section without any function symbol, named untyped symbols count (labels of
// the assembler do not). A function without a size ends where the next begins.
//
// A function outside .text is a program; one in .text is a subprogram, unless the object has no
// program elsewhere. A static function outside .text is a program only when nothing calls it.
#include <algorithm>

#include <fmt/format.h>

#include "skep/load/draft.hpp"
#include "skep/spec/section_names.hpp"

namespace skep::load {
namespace {

bool is_label(std::string_view name) {
    return name.empty() || name.starts_with("LBB") || name.starts_with(".L") ||
           name.starts_with("L");
}

Result<std::vector<RawInsn>> read_insns(const Section& section) {
    if (section.contents.size() % 8 != 0) {
        return fail(Code::invalid_input,
                    fmt::format("section '{}' has {} bytes, not a row of 8-byte instructions",
                                section.name, section.contents.size()));
    }
    std::vector<RawInsn> insns(section.contents.size() / 8);
    ByteReader reader(section.contents);
    for (RawInsn& insn : insns) {
        insn.opcode = TRY(reader.read<std::uint8_t>());
        insn.registers = TRY(reader.read<std::uint8_t>());
        insn.offset = TRY(reader.read<std::int16_t>());
        insn.imm = TRY(reader.read<std::int32_t>());
    }
    return insns;
}

bool counts_as_function(const Draft& draft, const Symbol& symbol,
                        const std::set<std::uint32_t>& typed_sections) {
    if (symbol.section == 0 || !draft.elf.sections()[symbol.section].is_code) {
        return false;
    }
    if (symbol.kind == SymbolKind::function) {
        return true;
    }
    return symbol.kind == SymbolKind::none && !is_label(symbol.name) &&
           (symbol.binding != Binding::local || !typed_sections.contains(symbol.section));
}

Result<Function> function_of(const Draft& draft, std::uint32_t number) {
    const Symbol& symbol = draft.elf.symbols()[number];
    const Section& section = draft.elf.sections()[symbol.section];
    if (symbol.value % 8 != 0 || symbol.size_bytes % 8 != 0 || symbol.value >= section.size_bytes ||
        symbol.size_bytes > section.size_bytes - symbol.value) {
        return fail(
            Code::invalid_input,
            fmt::format(
                "function '{}' takes {:#x} bytes at offset {:#x} of section '{}', which has {:#x}",
                symbol.name, symbol.size_bytes, symbol.value, section.name, section.size_bytes));
    }
    Function function;
    function.name = symbol.name;
    function.begin = {symbol.section, static_cast<std::uint32_t>(symbol.value / 8)};
    function.insn_count = static_cast<std::uint32_t>(symbol.size_bytes / 8);
    function.binding = symbol.binding;
    function.is_typed = symbol.kind == SymbolKind::function;
    function.symbol = number;
    return function;
}

// Ends functions without a size where the next begins; drops aliases of the same place.
void settle_sizes(Draft& draft) {
    auto& functions = draft.functions;
    const auto order = [](const Function& a, const Function& b) {
        return a.begin != b.begin ? a.begin < b.begin
                                  : (a.binding != Binding::local) > (b.binding != Binding::local);
    };
    std::stable_sort(functions.begin(), functions.end(), order);
    functions.erase(
        std::unique(functions.begin(), functions.end(),
                    [](const Function& a, const Function& b) { return a.begin == b.begin; }),
        functions.end());
    for (std::size_t i = 0; i < functions.size(); ++i) {
        const bool has_next = i + 1 < functions.size() &&
                              functions[i + 1].begin.section == functions[i].begin.section;
        const std::uint64_t section_insns =
            draft.elf.sections()[functions[i].begin.section].size_bytes / 8;
        const auto end =
            has_next ? functions[i + 1].begin.insn : static_cast<std::uint32_t>(section_insns);
        const std::uint32_t room = end - functions[i].begin.insn;
        if (functions[i].insn_count == 0 || functions[i].insn_count > room) {
            functions[i].insn_count = room;
        }
    }
}

Result<std::string> read_license(const Section& section) {
    const auto end = std::find(section.contents.begin(), section.contents.end(), std::uint8_t{0});
    return std::string(section.contents.begin(), end);
}

} // namespace

Result<void> read_functions(Draft& draft) {
    std::set<std::uint32_t> typed_sections;
    for (const Symbol& symbol : draft.elf.symbols()) {
        if (symbol.kind == SymbolKind::function) {
            typed_sections.insert(symbol.section);
        }
    }
    for (const Section& section : draft.elf.sections()) {
        if (section.is_code && !section.contents.empty()) {
            draft.code[section.index].insns = TRY(read_insns(section));
        } else if (section.name == "license") {
            draft.spec.license = TRY(read_license(section));
        } else if (section.name == "version" && section.has_contents) {
            draft.spec.kernel_version =
                TRY_WHILE("section 'version'", read_at<std::uint32_t>(section.contents, 0));
        }
    }
    for (std::uint32_t number = 0; number < draft.elf.symbols().size(); ++number) {
        const Symbol& symbol = draft.elf.symbols()[number];
        if (counts_as_function(draft, symbol, typed_sections)) {
            draft.functions.push_back(TRY(function_of(draft, number)));
        }
    }
    settle_sizes(draft);
    return {};
}

namespace {

// Places in code that other code or data refers to, before any relocation is applied.
std::set<CodePlace> called_places(const Draft& draft) {
    std::set<CodePlace> places;
    for (const auto& [section, code] : draft.code) {
        std::set<std::uint32_t> relocated;
        for (const Relocation& relocation : draft.elf.relocations(section)) {
            const auto at = static_cast<std::uint32_t>(relocation.offset / 8);
            relocated.insert(at);
            const Symbol& symbol = draft.elf.symbols()[relocation.symbol];
            if (symbol.section == 0 || !draft.elf.sections()[symbol.section].is_code ||
                at >= code.insns.size()) {
                continue;
            }
            const std::int64_t imm = code.insns[at].imm;
            const std::int64_t more = relocation.kind == RelocationKind::call ? imm + 1 : imm / 8;
            places.insert(
                {symbol.section,
                 static_cast<std::uint32_t>(static_cast<std::int64_t>(symbol.value / 8) + more)});
        }
        for (std::uint32_t i = 0; i < code.insns.size(); ++i) {
            if (is_subprogram_call(code.insns[i]) && !relocated.contains(i)) {
                places.insert(
                    {section, static_cast<std::uint32_t>(std::int64_t{i} + 1 + code.insns[i].imm)});
            }
        }
    }
    return places;
}

Result<ObjectProgram> program_of(Draft& draft, const Function& function) {
    ObjectProgram program;
    std::string_view name = draft.elf.sections()[function.begin.section].name;
    program.spec.name = function.name;
    program.spec.section = name;
    program.spec.license = draft.spec.license;
    program.spec.kernel_version = draft.spec.kernel_version;
    if (name.starts_with('?')) {
        name.remove_prefix(1);
        program.autoload = false;
    }
    auto match = spec::match_section_name(name);
    if (!match && !draft.options.type) {
        match = spec::match_section_prefix(name);
        if (match) {
            draft.warn(fmt::format("section '{}' is taken for '{}', as old loaders did", name,
                                   match->row->pattern));
        }
    }
    if (match) {
        program.spec.type = match->row->type;
        program.spec.expected_attach_type = match->row->attach_type;
        program.spec.flags = match->row->flags;
        program.spec.attach_target = match->target;
    }
    if (draft.options.type && (!match || match->row->type != *draft.options.type)) {
        program.spec.type = *draft.options.type;
        program.spec.expected_attach_type = 0;
        program.spec.flags = 0;
    }
    if (program.spec.type == spec::ProgramType::unspec) {
        draft.warn(fmt::format(
            "the name of section '{}' tells no program type for '{}': give one with --type", name,
            function.name));
    }
    return program;
}

} // namespace

Result<void> read_programs(Draft& draft) {
    const auto in_text = [&draft](const Function& function) {
        return draft.elf.sections()[function.begin.section].name == ".text";
    };
    const bool text_is_programs =
        std::all_of(draft.functions.begin(), draft.functions.end(), in_text);
    const std::set<CodePlace> called = called_places(draft);
    for (std::uint32_t number = 0; number < draft.functions.size(); ++number) {
        const Function& function = draft.functions[number];
        const bool is_static = function.binding == Binding::local;
        if (text_is_programs ? is_static || called.contains(function.begin) : in_text(function)) {
            continue;
        }
        if (is_static && !text_is_programs) {
            if (called.contains(function.begin)) {
                continue;
            }
            draft.warn(fmt::format(
                "'{}' in section '{}' is static: taken for a program, as nothing calls it",
                function.name, draft.elf.sections()[function.begin.section].name));
        }
        if (!function.is_typed) {
            draft.warn(fmt::format("symbol '{}' in section '{}' is untyped: taken for a program",
                                   function.name,
                                   draft.elf.sections()[function.begin.section].name));
        }
        draft.spec.programs.push_back(TRY(program_of(draft, function)));
        draft.program_functions.push_back(number);
        draft.program_at[function.begin] =
            static_cast<std::uint32_t>(draft.spec.programs.size() - 1);
    }
    return {};
}

} // namespace skep::load
