// SPDX-License-Identifier: Apache-2.0
//
// Loading: a row of passes over one Draft. Each answers one question about the file.
//
// Proved by: load_test.cpp, fuzz/elf.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "skep/load/draft.hpp"

namespace skep::load {
namespace {

struct Pass {
    std::string_view doing;
    Result<void> (*run)(Draft&);
};

constexpr std::array kPasses{
    Pass{"reading types", read_types},
    Pass{"reading functions", read_functions},
    Pass{"reading programs", read_programs},
    Pass{"reading legacy maps", read_legacy_maps},
    Pass{"reading maps", read_btf_maps},
    Pass{"reading global data", read_data_maps},
    Pass{"resolving externs", read_externs},
    Pass{"reading struct_ops", read_struct_ops},
    Pass{"resolving attach targets", resolve_attach_targets},
    Pass{"filling maps", fill_initial_slots},
    Pass{"relocating code", apply_code_relocations},
    Pass{"relocating to the target's types", apply_core_relocations},
    Pass{"linking subprograms", link_programs},
    Pass{"finishing types", finish_types},
};

} // namespace

Result<Draft> Draft::begin(Bytes file, const Options& options) {
    ElfFile elf = TRY(ElfFile::read(file));
    return Draft{.options = options,
                 .elf = std::move(elf),
                 .spec = {},
                 .functions = {},
                 .code = {},
                 .data_maps = {},
                 .map_symbols = {},
                 .core_relocations = {},
                 .externs = {},
                 .program_functions = {},
                 .program_at = {},
                 .faults = {}};
}

const Function* Draft::function_at(CodePlace place) const {
    auto after = std::upper_bound(
        functions.begin(), functions.end(), place,
        [](CodePlace at, const Function& function) { return at < function.begin; });
    if (after == functions.begin()) {
        return nullptr;
    }
    const Function& before = *std::prev(after);
    const bool within =
        before.begin.section == place.section && place.insn < before.begin.insn + before.insn_count;
    return within ? &before : nullptr;
}

std::string Draft::describe(CodePlace place) const {
    return fmt::format("section '{}' offset {:#x}", elf.sections()[place.section].name,
                       std::uint64_t{place.insn} * 8);
}

void Draft::add_fault(CodePlace place, Error error) {
    faults.emplace(place, std::move(error));
    std::vector<RawInsn>& insns = code.at(place.section).insns;
    if (place.insn < insns.size()) {
        if (is_wide_immediate(insns[place.insn]) && place.insn + 1 < insns.size()) {
            insns[place.insn + 1] = kUnresolvedInsn;
        }
        insns[place.insn] = kUnresolvedInsn;
        code.at(place.section).targets.erase(place.insn);
    }
}

void Draft::warn(std::string sentence) {
    const bool is_said =
        std::find(spec.warnings.begin(), spec.warnings.end(), sentence) != spec.warnings.end();
    if (!is_said) {
        spec.warnings.push_back(std::move(sentence));
    }
}

Result<ObjectSpec> load_object(Bytes file, std::string file_name, const Options& options) {
    const std::string loading = fmt::format("loading {}", file_name);
    Draft draft = TRY_WHILE(loading, Draft::begin(file, options));
    draft.spec.file = std::move(file_name);
    for (const Pass& pass : kPasses) {
        TRY_WHILE(fmt::format("{}: {}", loading, pass.doing), pass.run(draft));
    }
    return std::move(draft.spec);
}

} // namespace skep::load
