// SPDX-License-Identifier: Apache-2.0
//
// The page of helpers: what each takes and gives, and who may call it.
#include <fmt/format.h>

#include "apps/reference/pages.hpp"
#include "skep/spec/helpers.hpp"
#include "skep/spec/rights/rights.hpp"

namespace skep::reference {
namespace {

std::string argument_text(const spec::Arg& argument) {
    std::string text(spec::name_of(argument.kind));
    if (argument.bytes != 0) {
        text += fmt::format("({})", argument.bytes);
    } else if (!argument.type.empty()) {
        text += fmt::format("({})", argument.type);
    }
    if (argument.access == spec::ArgAccess::read_write) {
        text += " read and written";
    }
    return text;
}

std::string arguments_text(const spec::HelperRow& row) {
    std::string text;
    for (const spec::Arg& argument : row.arguments) {
        if (argument.kind != spec::ArgKind::none) {
            text += fmt::format("{}{}", text.empty() ? "" : ", ", argument_text(argument));
        }
    }
    return text;
}

std::string result_text(const spec::HelperRow& row) {
    std::string text(spec::name_of(row.result.kind));
    if (!row.result.type.empty()) {
        text += fmt::format("({})", row.result.type);
    } else if (row.result.argument != 0) {
        text += fmt::format("(up to argument {})", row.result.argument);
    }
    return text;
}

std::string effects_text(const spec::HelperRow& row) {
    struct Word {
        spec::Effect effect;
        std::string_view text;
    };
    constexpr Word kWords[] = {
        {spec::Effect::acquires, "acquires"},   {spec::Effect::moves_packet, "moves the packet"},
        {spec::Effect::may_sleep, "may sleep"}, {spec::Effect::calls_back, "calls back"},
        {spec::Effect::locks, "locks"},         {spec::Effect::unlocks, "unlocks"},
    };
    std::string text;
    const auto add = [&text](std::string_view word) {
        text += fmt::format("{}{}", text.empty() ? "" : ", ", word);
    };
    for (const Word& word : kWords) {
        if (row.effects.has(word.effect)) {
            add(word.text);
        }
    }
    if (row.effects.has(spec::Effect::releases)) {
        add(fmt::format("releases argument {}", row.effects.released_argument));
    }
    if (row.packet_pointers == spec::PacketPointers::allowed) {
        add("takes packet pointers");
    }
    if (row.licence == spec::Licence::gpl_only) {
        add("GPL only");
    }
    return text;
}

std::string types_text(spec::ProgramTypeSet types) {
    std::string text;
    for (const spec::ProgramTypeRow& row : spec::kProgramTypes) {
        if (types.contains(row.type)) {
            text += fmt::format("{}{}", text.empty() ? "" : ", ", row.name);
        }
    }
    return text;
}

std::string limit_text(const spec::CallerLimit& limit) {
    std::string text = fmt::format("; {} only", spec::find(limit.type)->name);
    if (limit.attach_types != spec::attach_sets::any_attach_type) {
        text += " at";
        for (const spec::AttachTypeRow& row : spec::kAttachTypes) {
            text += limit.attach_types.contains(row.type) ? fmt::format(" {}", row.name) : "";
        }
    }
    return limit.target.empty() ? text : text + fmt::format(" for {}", limit.target);
}

std::string helper_table() {
    Table table({"id", "name", "takes", "gives", "effects", "callers", "loader", "user engine",
                 "since", "says"});
    for (const spec::HelperRow& row : spec::helpers()) {
        table.add({fmt::format("{}", static_cast<std::uint32_t>(row.id)), code(row.name),
                   arguments_text(row), result_text(row), effects_text(row),
                   std::string(row.callers->name),
                   std::string(spec::name_of(spec::right_to_call(row.id))),
                   support_text(row.support), std::string(row.since), std::string(row.says)});
    }
    return table.text();
}

std::string caller_table() {
    Table table({"callers", "program types"});
    for (const spec::CallerSet& set : spec::caller_sets()) {
        std::string types = types_text(set.types);
        for (const spec::CallerLimit& limit : set.limits) {
            types += limit_text(limit);
        }
        table.add({std::string(set.name), types});
    }
    return table.text();
}

} // namespace

std::string helpers_page() {
    return fmt::format(R"(# Helpers

Printed from `skep/spec/helpers/` by `skep-reference`; a test compares. "Takes" uses the words of
`enum ArgKind` in `skep/spec/helpers.hpp`, which explains each; some program types give a helper other
arguments (HELPER_VARIANT rows). "Loader" is the capability that
whoever loads the program must have for it. "User engine" is what this build runs itself; verifying does not need it.

{}
## Callers

{})",
                       helper_table(), caller_table());
}

} // namespace skep::reference
