// SPDX-License-Identifier: Apache-2.0
#include "skep/load/inspect.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "skep/load/draft.hpp"

namespace skep::load {
namespace {

std::string kind_name(RelocationKind kind) {
    switch (kind) {
    case RelocationKind::none:
        return "R_BPF_NONE";
    case RelocationKind::wide_immediate:
        return "R_BPF_64_64";
    case RelocationKind::absolute64:
        return "R_BPF_64_ABS64";
    case RelocationKind::absolute32:
        return "R_BPF_64_ABS32";
    case RelocationKind::debug32:
        return "R_BPF_64_NODYLD32";
    case RelocationKind::call:
        return "R_BPF_64_32";
    }
    return fmt::format("R_BPF_{}", static_cast<std::uint32_t>(kind));
}

} // namespace

Result<Inspection> inspect_object(Bytes file, const std::string& file_name) {
    const std::string reading = fmt::format("reading {}", file_name);
    const Options options;
    Draft draft = TRY_WHILE(reading, Draft::begin(file, options));
    TRY_WHILE(reading, read_types(draft));
    TRY_WHILE(reading, read_functions(draft));
    Inspection inspection;
    for (auto& [number, code] : draft.code) {
        InspectedSection section;
        section.name = draft.elf.sections()[number].name;
        section.insns = std::move(code.insns);
        section.lines = std::move(code.lines);
        for (const Relocation& relocation : draft.elf.relocations(number)) {
            section.relocations.push_back({static_cast<std::uint32_t>(relocation.offset / 8),
                                           kind_name(relocation.kind),
                                           draft.elf.symbols()[relocation.symbol].name});
        }
        inspection.code.push_back(std::move(section));
    }
    for (const Function& function : draft.functions) {
        const auto place =
            std::distance(draft.code.begin(), draft.code.find(function.begin.section));
        inspection.code[static_cast<std::size_t>(place)].functions.push_back(
            {function.name, function.begin.insn, function.insn_count});
    }
    inspection.has_debug_info = draft.elf.find_section(".debug_info") != nullptr;
    inspection.has_symbols = !draft.elf.symbols().empty();
    inspection.types = std::move(draft.spec.types);
    return inspection;
}

Result<ByteVector> section_of_any_elf(Bytes file, std::string_view name) {
    const ElfFile elf = TRY(ElfFile::read(file, Machine::any));
    const Section* section = elf.find_section(name);
    if (section == nullptr || section->contents.empty()) {
        return Error{Code::not_found, 0, fmt::format("there is no section '{}'", name)};
    }
    return ByteVector(section->contents.begin(), section->contents.end());
}

} // namespace skep::load
