// SPDX-License-Identifier: Apache-2.0
#include "tests/support/verdict_case.hpp"

#include <sstream>

#include "skep/bytecode/assemble.hpp"
#include "skep/spec/helpers.hpp"

namespace skep::tests {
namespace {

std::string trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    const std::size_t last = text.find_last_not_of(" \t\r\n");
    return first == std::string_view::npos ? std::string{}
                                           : std::string(text.substr(first, last - first + 1));
}

std::vector<spec::MapSpec> maps_of(std::string_view text) {
    std::vector<spec::MapSpec> maps;
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string type;
        spec::MapSpec map;
        if (words >> type >> map.key_size_bytes >> map.value_size_bytes >> map.max_entries) {
            map.type = spec::map_type_named(type).value_or(spec::MapType::unspec);
            map.name = "map" + std::to_string(maps.size());
            maps.push_back(map);
        }
    }
    return maps;
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
    result.program.insns = std::move(assembled.insns);
    const std::string type = trimmed(file.section("type").value_or("socket_filter"));
    result.program.type = spec::program_type_named(type).value_or(spec::ProgramType::unspec);
    result.program.expected_attach_type =
        static_cast<std::uint32_t>(number_of(file.section("attach").value_or("0")).value_or(0));
    result.program.license = "GPL";
    result.maps = maps_of(file.section("maps").value_or(""));
    std::istringstream finding{trimmed(file.section("finding").value_or(""))};
    std::getline(finding, result.message);
    std::string word;
    finding >> word >> result.insn;
    return result;
}

} // namespace skep::tests
