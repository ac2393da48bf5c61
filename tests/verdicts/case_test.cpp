// SPDX-License-Identifier: Apache-2.0
//
// Verdict cases: tests/cases/accept must pass, tests/cases/reject must fail with the finding named
// (verdict_case.hpp has their form).
//
// Where bpf(2) loads programs for us, the kernel must give the same verdict (cases with neither
// maps nor functions).
#include <gtest/gtest.h>

#include "skep/verify/verify.hpp"
#include "tests/support/kernel_program.hpp"
#include "tests/support/verdict_case.hpp"

namespace skep::tests {
namespace {

enum class Expected : std::uint8_t { accept, reject };

void expect_verdict(const std::filesystem::path& path, Expected expected) {
    const Result<CaseFile> file = read_case(path);
    ASSERT_TRUE(file.ok()) << file.error().message;
    const Result<VerdictCase> one = verdict_case(*file);
    ASSERT_TRUE(one.ok()) << path << ": " << one.error().message;
    verify::Environment environment;
    environment.maps = one->maps;
    environment.program_types = &*one->types;
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
    if (one->maps.empty() && one->program.functions.empty() && kernel_is_available()) {
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
