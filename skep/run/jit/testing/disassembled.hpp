// SPDX-License-Identifier: Apache-2.0
//
// For tests: what llvm-mc reads in machine code, so that each form that an encoder writes is held
// against somebody else's reading of the same manual.
#pragma once

#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "skep/base/bytes.hpp"
#include "skep/os/machine.hpp"

namespace skep::run::jit::testing {

// Empty where there is none.
inline std::string disassembler() {
    for (const char* tool : {"llvm-mc", "llvm-mc-14", "llvm-mc-19"}) {
        const std::string command = fmt::format("command -v {} >/dev/null 2>&1", tool);
        if (std::system(command.c_str()) == 0) { // NOLINT: a tool, asked whether it is there
            return tool;
        }
    }
    return "";
}

// Without remarks, one space for each run of tabs and spaces, none at the end.
inline std::string in_plain_spaces(const std::string& line) {
    std::string plain;
    for (const char c : line.substr(0, line.find("//"))) {
        const char one = c == '\t' ? ' ' : c;
        if (one != ' ' || (!plain.empty() && plain.back() != ' ')) {
            plain += one;
        }
    }
    while (!plain.empty() && plain.back() == ' ') {
        plain.pop_back();
    }
    return plain;
}

inline std::vector<std::string> instruction_lines(const std::string& path) {
    std::vector<std::string> lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        const std::string plain = in_plain_spaces(line);
        if (!lines.empty() && lines.back() == "lock") { // printed on a line of its own
            lines.back() += " " + plain;
        } else if (!plain.empty() && plain.front() != '.') {
            lines.push_back(plain);
        }
    }
    return lines;
}

// The instructions of the code as the tool writes them, one a line of `pieces`; nothing where it is
// not installed. `options`: for the machine at hand.
inline std::optional<std::vector<std::string>> disassembled(const std::vector<ByteVector>& pieces,
                                                            const std::string& options) {
    const std::string tool = disassembler();
    if (tool.empty()) {
        return std::nullopt;
    }
    const std::string path = fmt::format("{}skep_code.{}", ::testing::TempDir(), os::process_id());
    std::ofstream file(path + ".in");
    for (const ByteVector& piece : pieces) {
        for (const std::uint8_t byte : piece) {
            file << fmt::format("0x{:02x} ", byte);
        }
        file << "\n";
    }
    file.close();
    const std::string command =
        fmt::format("{0} --disassemble {1} {2}.in >{2}.out 2>{2}.err", tool, options, path);
    EXPECT_EQ(std::system(command.c_str()), 0); // NOLINT: a tool, with paths of our own
    return instruction_lines(path + ".out");
}

} // namespace skep::run::jit::testing
