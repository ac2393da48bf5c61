// SPDX-License-Identifier: Apache-2.0
//
// compare_recorded TABLE [--kernel-btf FILE] [--log NAME]
//
// Verifies recorded programs (recorded_table.py makes the table and names its columns) and compares
// with what a kernel said: the 2x2 table and where they differ.
#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "skep/verify/verify.hpp"

namespace skep::tests {
namespace {

enum Column : std::size_t {
    kName,
    kType,
    kAttach,
    kFlags,
    kTarget,
    kLicence,
    kVerdict,
    kMessage,
    kInsns,
    kMaps,
    kFixups,
    kTypes,
    kColumns
};

std::vector<std::string> split(const std::string& text, char at) {
    std::vector<std::string> parts;
    std::stringstream stream(text);
    for (std::string part; std::getline(stream, part, at);) {
        parts.push_back(part);
    }
    return parts;
}

std::uint32_t number(const std::string& text) {
    return static_cast<std::uint32_t>(std::strtoul(text.c_str(), nullptr, 0));
}

std::vector<std::uint8_t> bytes_of(const std::string& hex) {
    std::vector<std::uint8_t> bytes;
    for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
        bytes.push_back(
            static_cast<std::uint8_t>(std::strtoul(hex.substr(at, 2).c_str(), nullptr, 16)));
    }
    return bytes;
}

std::vector<RawInsn> insns_of(const std::string& hex) {
    const std::vector<std::uint8_t> bytes = bytes_of(hex);
    std::vector<RawInsn> insns(bytes.size() / sizeof(RawInsn));
    std::copy_n(bytes.begin(), insns.size() * sizeof(RawInsn),
                reinterpret_cast<std::uint8_t*>(insns.data()));
    return insns;
}

std::vector<spec::MapSpec> maps_of(const std::string& text) {
    std::vector<spec::MapSpec> maps;
    for (const std::string& word : text == "-" ? std::vector<std::string>{} : split(text, ';')) {
        const std::vector<std::string> parts = split(word, ':');
        spec::MapSpec map;
        map.type = static_cast<spec::MapType>(number(parts.at(0)));
        map.key_size_bytes = number(parts.at(1));
        map.value_size_bytes = number(parts.at(2));
        map.max_entries = number(parts.at(3));
        map.flags = number(parts.at(4));
        map.btf_value_type_id = number(parts.at(5));
        maps.push_back(map);
    }
    return maps;
}

// Descriptors in instructions become the maps' numbers.
void fix(std::vector<RawInsn>& insns, const std::string& text) {
    constexpr std::uint8_t kMapByIndex = 5;
    constexpr std::uint8_t kValueByIndex = 6;
    for (const std::string& word : text == "-" ? std::vector<std::string>{} : split(text, ';')) {
        const std::vector<std::string> parts = split(word, ':');
        RawInsn& insn = insns.at(number(parts.at(0)));
        const std::uint8_t source = parts.at(2) == "value" ? kValueByIndex : kMapByIndex;
        insn.registers = static_cast<std::uint8_t>(insn.dst() | source << 4U);
        insn.imm = static_cast<std::int32_t>(number(parts.at(1)));
    }
}

struct Counts {
    unsigned cells[2][2] = {};
    unsigned same_message = 0;
};

std::optional<btf::Btf> types_in(const std::vector<std::uint8_t>& raw) {
    Result<btf::Btf> parsed = btf::Btf::parse(raw);
    return parsed.ok() ? std::optional(std::move(parsed).value()) : std::nullopt;
}

std::uint32_t target_of(const std::optional<btf::Btf>& types, const std::string& name) {
    return types.has_value() && name != "-" ? types->find(name, btf::Kind::function).value_or(0)
                                            : 0;
}

void one(const std::vector<std::string>& row, const std::optional<btf::Btf>& kernel_types,
         const std::string& logged, Counts& counts) {
    ProgramSpec program;
    program.name = row[kName];
    program.type = static_cast<spec::ProgramType>(number(row[kType]));
    program.expected_attach_type = number(row[kAttach]);
    program.flags = number(row[kFlags]);
    program.license = row[kLicence];
    program.attach_btf_id = target_of(kernel_types, row[kTarget]);
    program.insns = insns_of(row[kInsns]);
    fix(program.insns, row[kFixups]);
    const std::vector<spec::MapSpec> maps = maps_of(row[kMaps]);
    const std::optional<btf::Btf> types = types_in(bytes_of(row[kTypes]));
    verify::Environment environment;
    environment.maps = maps;
    environment.program_types = types ? &*types : nullptr;
    environment.kernel_types = kernel_types ? &*kernel_types : nullptr;
    environment.cpu_count = 2;
    environment.log_level = row[kName] == logged ? verify::kLogAll : verify::kLogNone;
    const verify::Outcome outcome = verify::verify(program, environment);
    const bool accepted = outcome.verdict == verify::Verdict::accept;
    const bool wanted = row[kVerdict] == "ACCEPT";
    fmt::print("{}", outcome.log);
    ++counts.cells[accepted ? 0 : 1][wanted ? 0 : 1];
    counts.same_message += !accepted && !wanted && outcome.message == row[kMessage] ? 1U : 0U;
    if (accepted != wanted) {
        fmt::print("DIFFER {} | skep {} | {} | {}\n", row[kName], accepted ? "accepts" : "rejects",
                   outcome.message, row[kMessage]);
    } else if (!accepted && outcome.message != row[kMessage]) {
        fmt::print("MESSAGE {} | {} | {}\n", row[kName], outcome.message, row[kMessage]);
    }
}

std::vector<std::uint8_t> read_file(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

int run(const std::string& table, const std::string& kernel_btf, const std::string& logged) {
    const std::optional<btf::Btf> kernel_types = types_in(read_file(kernel_btf));
    std::ifstream stream(table);
    Counts counts;
    for (std::string line; std::getline(stream, line);) {
        const std::vector<std::string> row = split(line, '\t');
        if (row.size() == kColumns) {
            one(row, kernel_types, logged, counts);
        }
    }
    fmt::print("{:14} {:>14} {:>14}\n", "", "kernel accepts", "kernel rejects");
    fmt::print("{:14} {:>14} {:>14}\n", "skep accepts", counts.cells[0][0], counts.cells[0][1]);
    fmt::print("{:14} {:>14} {:>14}\n", "skep rejects", counts.cells[1][0], counts.cells[1][1]);
    fmt::print("same last message {}\n", counts.same_message);
    return counts.cells[0][1] == 0 ? 0 : 1;
}

} // namespace
} // namespace skep::tests

int main(int count, char** words) {
    std::string table;
    std::string kernel_btf = "/sys/kernel/btf/vmlinux";
    std::string logged;
    for (int index = 1; index < count; ++index) {
        const std::string word = words[index];
        if (word == "--kernel-btf" && index + 1 < count) {
            kernel_btf = words[++index];
        } else if (word == "--log" && index + 1 < count) {
            logged = words[++index];
        } else {
            table = word;
        }
    }
    if (table.empty()) {
        fmt::print(stderr, "usage: compare_recorded TABLE [--kernel-btf FILE] [--log NAME]\n");
        return 2;
    }
    return skep::tests::run(table, kernel_btf, logged);
}
