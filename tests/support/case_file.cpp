// SPDX-License-Identifier: Apache-2.0
#include "tests/support/case_file.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

namespace skep::tests {
namespace {

std::string_view trimmed(std::string_view text) {
    const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
    while (!text.empty() && is_space(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_space(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

} // namespace

std::optional<std::string_view> CaseFile::section(std::string_view name) const {
    for (const auto& [title, text] : sections) {
        if (title == name) {
            return text;
        }
    }
    return std::nullopt;
}

CaseFile parse_case(std::string_view text) {
    CaseFile file;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.starts_with("-- ")) {
            file.sections.emplace_back(trimmed(line.substr(3)), "");
        } else if (!file.sections.empty()) {
            file.sections.back().second += fmt::format("{}\n", line);
        }
    }
    return file;
}

Result<CaseFile> read_case(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    if (!stream) {
        return fail(Code::not_found, fmt::format("cannot read {}", path.string()));
    }
    CaseFile file = parse_case(text.str());
    file.path = path;
    return file;
}

std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder,
                                               std::string_view extension) {
    std::vector<std::filesystem::path> paths;
    std::error_code problem;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, problem)) {
        if (entry.path().extension() == extension) {
            paths.push_back(entry.path());
        }
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

Result<ByteVector> bytes_of(std::string_view text) {
    ByteVector bytes;
    for (text = trimmed(text); !text.empty(); text = trimmed(text)) {
        std::uint8_t byte = 0;
        const char* end = text.data() + std::min<std::size_t>(text.size(), 2);
        const auto [stop, problem] = std::from_chars(text.data(), end, byte, 16);
        if (problem != std::errc{} || stop != end) {
            return fail(Code::invalid_input,
                        fmt::format("'{}' is no hexadecimal pair", text.substr(0, 2)));
        }
        bytes.push_back(byte);
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    }
    return bytes;
}

Result<std::uint64_t> number_of(std::string_view text) {
    std::string_view digits = trimmed(text);
    const bool negative = digits.starts_with("-");
    digits.remove_prefix(negative ? 1 : 0);
    const bool hexadecimal = digits.starts_with("0x");
    digits.remove_prefix(hexadecimal ? 2 : 0);
    std::uint64_t number = 0;
    const auto [stop, problem] = std::from_chars(digits.data(), digits.data() + digits.size(),
                                                 number, hexadecimal ? 16 : 10);
    if (problem != std::errc{} || stop != digits.data() + digits.size()) {
        return fail(Code::invalid_input, fmt::format("'{}' is no number", trimmed(text)));
    }
    return negative ? 0 - number : number;
}

std::string test_name(const std::filesystem::path& path) {
    std::string name = path.stem().string();
    std::replace_if(
        name.begin(), name.end(),
        [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
    return name;
}

std::optional<std::filesystem::path> folder_from(const char* variable,
                                                 const std::filesystem::path& otherwise) {
    if (const char* named =
            std::getenv(variable)) { // NOLINT: tests have one thread when they begin
        return std::filesystem::path(named);
    }
    const std::filesystem::path folder = std::filesystem::path(SKEP_SOURCE_DIR) / otherwise;
    std::error_code problem;
    return std::filesystem::is_directory(folder, problem) ? std::optional(folder) : std::nullopt;
}

} // namespace skep::tests
