// SPDX-License-Identifier: Apache-2.0
//
// Case files: the program and what must come of it, in one text file.
//
//   # what it is about
//   -- asm
//   r0 = 2
//   exit
//   -- result
//   0x2
//
// A line that begins with "-- " opens a section; what stands before the first is a remark. The
// public conformance files (.data) have the same form.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "skep/base/bytes.hpp"

namespace skep::tests {

struct CaseFile {
    std::filesystem::path path;
    std::vector<std::pair<std::string, std::string>> sections; // name, text

    // The text of a section, or nothing.
    [[nodiscard]] std::optional<std::string_view> section(std::string_view name) const;
};

CaseFile parse_case(std::string_view text);
Result<CaseFile> read_case(const std::filesystem::path& path);

// Files below a folder with this extension (".case"), in order. Empty when there is no such folder.
std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder,
                                               std::string_view extension);

// The bytes of a section of hexadecimal pairs: "00 1f a0".
Result<ByteVector> bytes_of(std::string_view text);
// A number, decimal or 0x, with an optional sign; surrounding space is ignored.
Result<std::uint64_t> number_of(std::string_view text);

// A file name as a test's name may be: letters, digits and underscores.
std::string test_name(const std::filesystem::path& path);

// The folder that an environment variable names; else `otherwise` beside or in the sources, when it
// is there; else nothing.
std::optional<std::filesystem::path> folder_from(const char* variable,
                                                 const std::filesystem::path& otherwise);

} // namespace skep::tests
