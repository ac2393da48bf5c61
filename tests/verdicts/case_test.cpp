// SPDX-License-Identifier: Apache-2.0
//
// Verdict cases: tests/cases/accept must pass, tests/cases/reject must fail with the finding named.
//
//   -- type      bpftool's word for the program type; socket_filter when left out
//   -- maps      one map a line: type, key size, value size, entries; map_idx[0] is the first
//   -- asm       the program
//   -- finding   reject: the kernel's last line, and below it "insn N"
//
// Where bpf(2) loads programs for us, the kernel must give the same verdict (cases without maps).
#include <gtest/gtest.h>

#include <sstream>

#include "skep/bytecode/assemble.hpp"
#include "skep/spec/helpers.hpp"
#include "skep/verify/verify.hpp"
#include "tests/support/case_file.hpp"
#include "tests/support/kernel_program.hpp"

namespace skep::tests {
namespace {

struct Case {
    ProgramSpec program;
    std::vector<spec::MapSpec> maps;
    std::string message;
    std::uint32_t insn = 0;
};

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

Result<Case> case_of(const CaseFile& file) {
    Case result;
    Symbols symbols;
    symbols.helper = [](std::string_view name) -> std::optional<std::int32_t> {
        const spec::HelperRow* row = spec::helper_named(name);
        return row == nullptr ? std::nullopt : std::optional(static_cast<std::int32_t>(row->id));
    };
    Assembled assembled = TRY(assemble(file.section("asm").value_or(""), symbols));
    result.program.insns = std::move(assembled.insns);
    const std::string type = trimmed(file.section("type").value_or("socket_filter"));
    result.program.type = spec::program_type_named(type).value_or(spec::ProgramType::unspec);
    result.program.license = "GPL";
    result.maps = maps_of(file.section("maps").value_or(""));
    std::istringstream finding{trimmed(file.section("finding").value_or(""))};
    std::getline(finding, result.message);
    std::string word;
    finding >> word >> result.insn;
    return result;
}

enum class Expected : std::uint8_t { accept, reject };

void expect_verdict(const std::filesystem::path& path, Expected expected) {
    const Result<CaseFile> file = read_case(path);
    ASSERT_TRUE(file.ok()) << file.error().message;
    const Result<Case> one = case_of(*file);
    ASSERT_TRUE(one.ok()) << path << ": " << one.error().message;
    verify::Environment environment;
    environment.maps = one->maps;
    environment.cpu_count = 2;
    environment.log_level = verify::kLogAll;
    const verify::Outcome outcome = verify::verify(one->program, environment);
    if (expected == Expected::accept) {
        EXPECT_EQ(outcome.verdict, verify::Verdict::accept) << outcome.log;
    } else {
        ASSERT_EQ(outcome.verdict, verify::Verdict::reject) << outcome.log;
        EXPECT_EQ(outcome.message, one->message) << outcome.log;
        EXPECT_EQ(outcome.findings.front().place.insn.value, one->insn) << outcome.log;
        EXPECT_FALSE(outcome.findings.front().because.empty());
        EXPECT_NE(outcome.log.find(outcome.findings.front().kernel_message), std::string::npos)
            << outcome.log;
    }
    if (one->maps.empty() && kernel_is_available()) {
        const auto loaded = KernelProgram::load(one->program.insns, one->program.type);
        EXPECT_EQ(loaded.ok(), expected == Expected::accept)
            << "the kernel says otherwise" << (loaded.ok() ? "" : loaded.error().message);
    }
}

class Verdicts : public testing::Test {
  public:
    Verdicts(std::filesystem::path path, Expected expected)
        : path_(std::move(path)), expected_(expected) {}
    void TestBody() override { expect_verdict(path_, expected_); }

  private:
    std::filesystem::path path_;
    Expected expected_;
};

void add_cases(const char* folder, Expected expected) {
    const auto root = std::filesystem::path(SKEP_SOURCE_DIR) / "tests/cases" / folder;
    for (const std::filesystem::path& path : files_below(root, ".case")) {
        testing::RegisterTest(expected == Expected::accept ? "Accepts" : "Rejects",
                              test_name(std::filesystem::relative(path, root)).c_str(), nullptr,
                              nullptr, __FILE__, __LINE__, [path, expected]() -> testing::Test* {
                                  return new Verdicts(path, expected);
                              });
    }
}

} // namespace
} // namespace skep::tests

int main(int count, char** words) {
    testing::InitGoogleTest(&count, words);
    skep::tests::add_cases("accept", skep::tests::Expected::accept);
    skep::tests::add_cases("reject", skep::tests::Expected::reject);
    return RUN_ALL_TESTS();
}
