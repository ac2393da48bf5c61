// SPDX-License-Identifier: Apache-2.0
//
// Section names: what the name of an ELF section tells about the program in it.
//
// Columns of section_names.def:
//   pattern  the name; a trailing '+' allows nothing more or "/target" after it
//   type     the program type
//   attach   expected_attach_type that PROG_LOAD gets
//   flags    PROG_LOAD flags: 0x10 sleepable, 0x20 XDP with fragments
//   target   which BTF id of the kernel the target's name stands for
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "skep/spec/program_types.hpp"

namespace skep::spec {

enum class AttachTarget : std::uint8_t {
    none,
    kernel_function,  // the function of that name
    trace_typedef,    // typedef btf_trace_NAME
    lsm_hook,         // function bpf_lsm_NAME
    iterator,         // function bpf_iter_NAME
    structure,        // the struct_ops structure
    program_function, // a function of another BPF program
};

struct SectionNameRow {
    std::string_view pattern;
    ProgramType type;
    std::uint32_t attach_type;
    std::uint32_t flags;
    AttachTarget target;
};

inline constexpr std::array kSectionNames{
#define SECTION_NAME(pattern, type, attach, flags, target)                                         \
    SectionNameRow{pattern, ProgramType::type, attach, flags, AttachTarget::target},
#include "skep/spec/section_names.def"
};

struct SectionNameMatch {
    const SectionNameRow* row = nullptr;
    std::string_view target; // what follows the slash
};

// The row for a section name as loaders read it (without a leading '?').
constexpr std::optional<SectionNameMatch> match_section_name(std::string_view name) {
    for (const SectionNameRow& row : kSectionNames) {
        const bool takes_target = row.pattern.back() == '+';
        const std::string_view stem =
            row.pattern.substr(0, row.pattern.size() - (takes_target ? 1 : 0));
        if (name == stem) {
            return SectionNameMatch{&row, {}};
        }
        if (takes_target && name.size() > stem.size() && name.starts_with(stem) &&
            name[stem.size()] == '/') {
            return SectionNameMatch{&row, name.substr(stem.size() + 1)};
        }
    }
    return std::nullopt;
}

// The row that old loaders would have found, which looked at the beginning alone: "xdp_drop",
// "socket1", "classifier/ingress". The longest stem wins.
constexpr std::optional<SectionNameMatch> match_section_prefix(std::string_view name) {
    std::optional<SectionNameMatch> best;
    std::size_t best_size = 0;
    for (const SectionNameRow& row : kSectionNames) {
        const bool takes_target = row.pattern.back() == '+';
        const std::string_view stem =
            row.pattern.substr(0, row.pattern.size() - (takes_target ? 1 : 0));
        if (stem.size() <= best_size || !name.starts_with(stem) || name.size() == stem.size()) {
            continue;
        }
        const char next = name[stem.size()];
        if (next == '_' || next == '/' || next == '.' || next == '-' ||
            (next >= '0' && next <= '9')) {
            best = SectionNameMatch{
                &row, name.substr(stem.size() + (next >= '0' && next <= '9' ? 0 : 1))};
            best_size = stem.size();
        }
    }
    return best;
}

static_assert(match_section_name("xdp")->row->type == ProgramType::xdp);
static_assert(match_section_name("kprobe/do_exit")->target == "do_exit");
static_assert(!match_section_name("xdp_drop") &&
              match_section_prefix("xdp_drop")->row->type == ProgramType::xdp);

} // namespace skep::spec
