// SPDX-License-Identifier: Apache-2.0
#include "tests/support/verdict_case.hpp"

#include <map>
#include <sstream>

#include "skep/btf/builder.hpp"
#include "skep/bytecode/assemble.hpp"
#include "skep/spec/contexts/contexts.hpp"
#include "skep/spec/helpers.hpp"

namespace skep::tests {
namespace {

std::string trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    const std::size_t last = text.find_last_not_of(" \t\r\n");
    return first == std::string_view::npos ? std::string{}
                                           : std::string(text.substr(first, last - first + 1));
}

void note_word(spec::MapSpec& map, const std::string& word, btf::TypeId locked) {
    map.flags |= word == "read_only" ? spec::kMapReadOnlyProgram : 0U;
    map.flags |= word == "write_only" ? spec::kMapWriteOnlyProgram : 0U;
    map.btf_value_type_id = word == "lock" ? locked : map.btf_value_type_id;
}

std::vector<spec::MapSpec> maps_of(std::string_view text, btf::TypeId locked) {
    std::vector<spec::MapSpec> maps;
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string type;
        spec::MapSpec map;
        if (words >> type >> map.key_size_bytes >> map.value_size_bytes >> map.max_entries) {
            map.type = spec::map_type_named(type).value_or(spec::MapType::unspec);
            map.name = "map" + std::to_string(maps.size());
            for (std::string word; words >> word;) {
                note_word(map, word, locked);
            }
            maps.push_back(map);
        }
    }
    return maps;
}

// A value of eight bytes that begins with a lock.
btf::TypeId locked_value(btf::Builder& types) {
    const btf::TypeId number = types.integer("int", 4, btf::kIntSigned);
    const btf::TypeId lock =
        types.composite(btf::Kind::structure, "bpf_spin_lock", 4, {{"val", number, 0}});
    return types.composite(btf::Kind::structure, "locked", 8,
                           {{"lock", lock, 0}, {"number", number, 32}});
}

// What a parameter is said to be.
btf::TypeId parameter_type(btf::Builder& types, const std::string& word,
                           spec::ProgramType program) {
    if (word == "number") {
        return types.integer("long", 8, btf::kIntSigned);
    }
    const std::size_t colon = word.find(':');
    std::string name = "memory";
    std::uint32_t bytes = 8;
    if (word == "context") {
        name = spec::context(spec::find(program)->context).structure;
    } else if (colon != std::string::npos) {
        bytes = static_cast<std::uint32_t>(std::stoul(word.substr(colon + 1)));
        name += word.substr(colon + 1);
    }
    const btf::TypeId target = types.composite(btf::Kind::structure, name, bytes, {});
    return types.plain(btf::Kind::pointer, "", target);
}

// Gives the labels their functions.
void describe(VerdictCase& one, std::string_view text, const Assembled& assembled,
              btf::Builder& types) {
    constexpr std::uint32_t kStatic = 0, kGlobal = 1;
    const btf::TypeId number = types.integer("int", 4, btf::kIntSigned);
    const auto add = [&](const std::string& name, std::uint32_t linkage,
                         const std::vector<btf::TypeId>& p) {
        const btf::TypeId prototype = p.empty() ? types.prototype(number, {})
                                      : p.size() == 1
                                          ? types.prototype(number, {{"a", p[0]}})
                                          : types.prototype(number, {{"a", p[0]}, {"b", p[1]}});
        return types.plain(btf::Kind::function, name, prototype, linkage);
    };
    const btf::TypeId context = parameter_type(types, "context", one.program.type);
    std::map<std::uint32_t, btf::TypeId> functions{{0, add("main", kGlobal, {context})}};
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string label, linkage, word;
        std::vector<btf::TypeId> parameters;
        words >> label >> linkage;
        while (words >> word) {
            parameters.push_back(parameter_type(types, word, one.program.type));
        }
        const auto place = assembled.labels.find(label);
        if (place != assembled.labels.end()) {
            functions[place->second.value] =
                add(label, linkage == "global" ? kGlobal : kStatic, parameters);
        }
    }
    for (const auto& [at, type] : functions) {
        one.program.functions.push_back({InsnIndex{at}, type});
    }
}

} // namespace

Result<VerdictCase> verdict_case(const CaseFile& file) {
    VerdictCase result;
    Symbols symbols;
    symbols.helper = [](std::string_view name) -> std::optional<std::int32_t> {
        const spec::HelperRow* row = spec::helper_named(name);
        return row == nullptr ? std::nullopt : std::optional(static_cast<std::int32_t>(row->id));
    };
    Assembled assembled = TRY(assemble(file.section("asm").value_or(""), symbols));
    const std::string type = trimmed(file.section("type").value_or("socket_filter"));
    result.program.type = spec::program_type_named(type).value_or(spec::ProgramType::unspec);
    result.program.expected_attach_type =
        static_cast<std::uint32_t>(number_of(file.section("attach").value_or("0")).value_or(0));
    result.program.license = "GPL";
    btf::Builder types;
    result.maps = maps_of(file.section("maps").value_or(""), locked_value(types));
    if (const auto functions = file.section("functions")) {
        describe(result, *functions, assembled, types);
    }
    result.program.insns = std::move(assembled.insns);
    result.types = TRY(types.build());
    std::istringstream finding{trimmed(file.section("finding").value_or(""))};
    std::getline(finding, result.message);
    std::string word;
    finding >> word >> result.insn;
    return result;
}

} // namespace skep::tests
