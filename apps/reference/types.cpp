// SPDX-License-Identifier: Apache-2.0
//
// The pages of program types, map types, contexts, commands and limits.
#include <fmt/format.h>

#include "apps/reference/pages.hpp"
#include "skep/spec/commands.hpp"
#include "skep/spec/contexts/contexts.hpp"
#include "skep/spec/helpers.hpp"
#include "skep/spec/limits.hpp"
#include "skep/spec/maps/map_contents.hpp"
#include "skep/spec/program_types.hpp"
#include "skep/spec/rights/rights.hpp"

namespace skep::reference {
namespace {

template <class Rows, class Wanted>
std::string names_of(const Rows& rows, Wanted wanted) {
    std::string text;
    for (const auto& row : rows) {
        if (wanted(row)) {
            text += fmt::format("{}{}", text.empty() ? "" : ", ", row.name);
        }
    }
    return text;
}

std::string number(std::uint64_t value) { return fmt::format("{}", value); }

std::string answers(spec::ProgramType type) {
    std::string text;
    for (const spec::ReturnRangeRow& row : spec::kReturnRanges) {
        if (row.program != type) {
            continue;
        }
        text +=
            fmt::format("{}{}..{}", text.empty() ? "" : "; ", row.range.minimum, row.range.maximum);
        if (row.attach_types != spec::attach_sets::any_attach_type) {
            text += " at " + names_of(spec::kAttachTypes, [&](const auto& attach) {
                        return row.attach_types.contains(attach.type);
                    });
        }
    }
    return text.empty() ? "any" : text;
}

std::string packet_text(const spec::ProgramTypeRow& row) {
    constexpr std::string_view kWords[] = {"", "reads", "reads and writes"};
    std::string text(kWords[static_cast<std::size_t>(row.packet)]);
    return row.packet_loads == spec::PacketLoads::allowed
               ? text + (text.empty() ? "" : ", ") + "LD_ABS"
               : text;
}

std::string program_table() {
    Table table({"id", "name", "context", "packet", "answers", "sleeps", "stack", "user engine",
                 "since", "says"});
    for (const spec::ProgramTypeRow& row : spec::kProgramTypes) {
        constexpr std::string_view kSleeping[] = {"", "may", "must"};
        table.add(
            {number(static_cast<std::uint32_t>(row.type)), code(row.name),
             row.context == spec::ContextId::none ? "" : code(spec::context(row.context).name),
             packet_text(row), answers(row.type),
             std::string(kSleeping[static_cast<std::size_t>(row.sleeping)]),
             row.stack == spec::StackRule::chain ? "512 a chain" : "512 a function",
             support_text(row.support), std::string(row.since), std::string(row.says)});
    }
    return table.text();
}

std::string attach_table() {
    Table table({"id", "name", "programs", "link", "user engine", "since", "says"});
    for (const spec::AttachTypeRow& row : spec::kAttachTypes) {
        const std::string programs =
            names_of(spec::kProgramTypes, [&](const spec::ProgramTypeRow& program) {
                return spec::programs_of(row.type).contains(program.type);
            });
        table.add(
            {number(static_cast<std::uint32_t>(row.type)), code(row.name), programs,
             row.link == spec::LinkType::unspec ? "" : std::string(spec::find(row.link)->name),
             support_text(row.support), std::string(row.since), std::string(row.says)});
    }
    return table.text();
}

std::string size_text(const spec::SizeRule& rule) {
    if (rule.maximum == 0) {
        return "0";
    }
    if (rule.minimum == rule.maximum) {
        return number(rule.minimum);
    }
    std::string text = fmt::format("{} to {}", rule.minimum, rule.maximum);
    text += rule.step != 1 ? fmt::format(" in steps of {}", rule.step) : "";
    return rule.power_of_two ? text + ", a power of two" : text;
}

std::string flags_text(std::uint32_t flags) {
    struct Word {
        spec::MapFlag flag;
        std::string_view name;
    };
    constexpr Word kWords[] = {
        {spec::kMapNoPrealloc, "no_prealloc"},
        {spec::kMapNoCommonLru, "no_common_lru"},
        {spec::kMapNumaNode, "numa_node"},
        {spec::kMapReadOnly, "rdonly"},
        {spec::kMapWriteOnly, "wronly"},
        {spec::kMapStackBuildId, "stack_build_id"},
        {spec::kMapZeroSeed, "zero_seed"},
        {spec::kMapReadOnlyProgram, "rdonly_prog"},
        {spec::kMapWriteOnlyProgram, "wronly_prog"},
        {spec::kMapClone, "clone"},
        {spec::kMapMmapable, "mmapable"},
        {spec::kMapPreserveElements, "preserve_elems"},
        {spec::kMapInnerMap, "inner_map"},
        {spec::kMapLink, "link"},
        {spec::kMapSegvOnFault, "segv_on_fault"},
        {spec::kMapNoUserConv, "no_user_conv"},
    };
    return names_of(kWords, [flags](const Word& word) { return (flags & word.flag) != 0; });
}

std::string map_table() {
    Table table({"id", "name", "key bytes", "value bytes", "values are", "entries", "flags needed",
                 "flags allowed", "helpers", "user engine", "since", "says"});
    for (const spec::MapTypeRow& row : spec::kMapTypes) {
        const std::string helpers = names_of(spec::helpers(), [&](const spec::HelperRow& helper) {
            return spec::maps_of_helper(static_cast<std::uint32_t>(helper.id)).contains(row.type);
        });
        table.add({number(static_cast<std::uint32_t>(row.type)), code(row.name), size_text(row.key),
                   size_text(row.value), std::string(spec::name_of(spec::contents_of(row.type))),
                   size_text(row.entries), flags_text(row.required_flags),
                   flags_text(row.optional_flags), helpers, support_text(row.support),
                   std::string(row.since), std::string(row.says)});
    }
    return table.text();
}

std::string widths_text(spec::Widths widths) {
    struct Word {
        spec::Widths width;
        std::string_view name;
    };
    constexpr Word kWords[] = {
        {spec::kAligned1, "1"},
        {spec::kAligned2, "2"},
        {spec::kAligned4, "4"},
        {spec::kAligned8, "8"},
        {spec::kFirst1, "1 at its start"},
        {spec::kFirst2, "2 at its start"},
        {spec::kFirst4, "4 at its start"},
        {spec::kUnaligned, "any"},
    };
    return names_of(kWords, [widths](const Word& word) { return (widths & word.width) != 0; });
}

std::string yield_text(const spec::AccessRow& row) {
    constexpr std::string_view kWords[] = {"a number",
                                           "packet start",
                                           "packet end",
                                           "metadata start",
                                           "a socket",
                                           "a socket or null",
                                           "a socket of any kind or null",
                                           "flow keys",
                                           "the writable buffer",
                                           "a trusted pointer"};
    std::string text(
        row.load == spec::kNoWidth ? "" : kWords[static_cast<std::size_t>(row.yields.kind)]);
    return row.yields.type.empty() ? text : text + fmt::format(" to {}", row.yields.type);
}

std::string access_who(const spec::AccessRow& row) {
    const bool everyone = row.programs.bits == ~0ULL;
    std::string text =
        everyone ? "" : names_of(spec::kProgramTypes, [&](const spec::ProgramTypeRow& program) {
            return row.programs.contains(program.type);
        });
    if (row.attach_types != spec::attach_sets::any_attach_type) {
        text += (text.empty() ? "at " : " at ") +
                names_of(spec::kAttachTypes, [&](const spec::AttachTypeRow& attach) {
                    return row.attach_types.contains(attach.type);
                });
    }
    return text.empty() ? "all" : text;
}

// "load of cgroup_skb with CAP_BPF": which of those who are named need more.
std::string access_rights(const spec::AccessRow& row) {
    std::string text;
    for (const spec::ProgramTypeRow& program : spec::kProgramTypes) {
        for (const auto direction : {spec::AccessDirection::load, spec::AccessDirection::store}) {
            const spec::Right right = spec::right_to_access(*row.field, direction, program.type);
            if (right != spec::Right::nothing && row.programs.contains(program.type)) {
                text += fmt::format("{}{} of {} with {}", text.empty() ? " (" : ", ",
                                    direction == spec::AccessDirection::load ? "load" : "store",
                                    program.name, spec::name_of(right));
            }
        }
    }
    return text.empty() ? text : text + ")";
}

std::string context_section(const spec::Context& context) {
    Table table({"field", "offset", "bytes", "read", "written", "gives", "by", "says"});
    for (const spec::AccessRow& row : spec::accesses(context.id)) {
        const spec::ContextField& field = *row.field;
        table.add({code(field.name), number(field.offset), number(field.bytes),
                   widths_text(row.load), widths_text(row.store), yield_text(row),
                   access_who(row) + access_rights(row), std::string(field.says)});
    }
    const std::string structure =
        context.structure.empty() ? "" : fmt::format(" (`struct {}`)", context.structure);
    return fmt::format("## {}\n\n{}{}, {} bytes.\n\n{}\n", context.name, context.says, structure,
                       context.bytes, table.text());
}

} // namespace

std::string program_types_page() {
    return fmt::format(
        "# Program types\n\nPrinted from `skep/spec/program_types.def` and `attach_types.def` by "
        "`skep-reference`; a test compares.\n\n{}\n## Attach types\n\n{}",
        program_table(), attach_table());
}

std::string map_types_page() {
    return fmt::format("# Map types\n\nPrinted from `skep/spec/map_types.def` and "
                       "`maps/map_contents.def` by `skep-reference`; "
                       "a test compares. "
                       "A hash's key and value together stay below 4 MiB.\n\n{}",
                       map_table());
}

std::string contexts_page() {
    std::string text =
        "# Contexts\n\nPrinted from `skep/spec/contexts/` by `skep-reference`; a test compares. "
        "Widths are in bytes, at multiples of themselves; what is not listed is refused.\n\n";
    for (const spec::Context& context : spec::contexts()) {
        text += context_section(context);
    }
    return text;
}

std::string commands_page() {
    Table table({"number", "name", "attributes", "bytes", "capability", "gives", "user engine",
                 "since", "says"});
    for (const spec::CommandRow& row : spec::commands()) {
        constexpr std::string_view kCapabilities[] = {"", "CAP_BPF", "CAP_NET_ADMIN",
                                                      "CAP_SYS_ADMIN", "by program type"};
        constexpr std::string_view kReturns[] = {"0", "a descriptor", "a count"};
        table.add({number(static_cast<std::uint32_t>(row.command)), code(row.name),
                   code(row.structure), number(row.bytes),
                   std::string(kCapabilities[static_cast<std::size_t>(row.capability)]),
                   std::string(kReturns[static_cast<std::size_t>(row.returns)]),
                   support_text(row.support), std::string(row.since), std::string(row.says)});
    }
    return fmt::format(
        "# Commands of bpf(2)\n\nPrinted from `skep/spec/commands.def` by `skep-reference`; a test "
        "compares. Attributes beyond \"bytes\" must be zero.\n\n{}",
        table.text());
}

std::string limits_page() {
    Table table({"limit", "value", "unit", "says"});
    for (const spec::LimitRow& row : spec::kLimits) {
        table.add(
            {code(row.name), number(row.value), std::string(row.unit), std::string(row.says)});
    }
    return fmt::format("# Limits\n\nPrinted from `skep/spec/limits.def` by `skep-reference`; a "
                       "test compares.\n\n{}",
                       table.text());
}

} // namespace skep::reference
