// SPDX-License-Identifier: Apache-2.0
//
// The cases of tests/cases/unprivileged: programs judged for callers with fewer capabilities. A
// case has the form of verdict_case.hpp and, for each caller that is asked (caller.hpp), a section
// of its name with "accepted", the kernel's last line, or "errno N" where it says nothing.
//
// Where we are root and bpf(2) is there, the running kernel must answer the same.
#include <gtest/gtest.h>

#include "skep/client/loading.hpp"
#include "skep/os/kernel/bpf_syscall.hpp"
#include "skep/verify/verify.hpp"
#include "tests/verdicts/unprivileged/caller.hpp"
#include "tests/verdicts/unprivileged/question.hpp"

namespace skep::tests {
namespace {

std::string said(bool accepted, const std::string& message, long os_errno) {
    return accepted ? "accepted" : message.empty() ? "errno " + std::to_string(os_errno) : message;
}

// Nothing where the kernel cannot be asked.
std::optional<std::string> kernel_says(const VerdictCase& one, Caller caller) {
    const auto permission = caller == Caller::nobody ? PermissionForAll::ask() : nullptr;
    if (caller == Caller::nobody && permission == nullptr) {
        return std::nullopt;
    }
    const auto kernel = connect_kernel_as(caller);
    constexpr std::uint32_t kPathLog = 1;
    if (!kernel.ok() || !os::has_capability(os::Capability::sys_admin)) {
        return std::nullopt;
    }
    const auto judged = client::judge_programs(**kernel, object_of(one), kPathLog);
    if (!judged.ok() || !judged->front().has_value()) {
        return std::nullopt;
    }
    const client::Judgement& judgement = *judged->front();
    return said(judgement.answer >= 0, last_line(judgement.log), -judgement.answer);
}

void expect_answer(const CaseFile& file, Caller caller) {
    const auto section = file.section(name_of(caller));
    if (!section.has_value()) {
        return;
    }
    const std::string expected(section->substr(0, section->find_last_not_of(" \n") + 1));
    const Result<VerdictCase> one = verdict_case(file);
    ASSERT_TRUE(one.ok()) << one.error().message;
    verify::Environment environment;
    environment.maps = one->maps;
    environment.cpu_count = 2;
    environment.log_level = verify::kLogAll;
    environment.capabilities = capabilities_of(caller);
    const verify::Outcome outcome = verify::verify(one->program, environment);
    const bool accepted = outcome.verdict == verify::Verdict::accept;
    EXPECT_EQ(said(accepted, outcome.message, outcome.os_errno), expected)
        << name_of(caller) << "\n"
        << outcome.log;
    EXPECT_TRUE(accepted || !outcome.findings.front().because.empty());
    if (const auto kernel = kernel_says(*one, caller); kernel.has_value()) {
        EXPECT_EQ(*kernel, expected) << "the kernel, to " << name_of(caller);
    }
}

class Case : public testing::Test {
  public:
    explicit Case(std::filesystem::path path) : path_(std::move(path)) {}
    void TestBody() override {
        const Result<CaseFile> file = read_case(path_);
        ASSERT_TRUE(file.ok()) << file.error().message;
        expect_answer(*file, Caller::bpf_only);
        expect_answer(*file, Caller::nobody);
    }

  private:
    std::filesystem::path path_;
};

void add_cases() {
    const auto root = std::filesystem::path(SKEP_SOURCE_DIR) / "tests/cases/unprivileged";
    for (const std::filesystem::path& path : files_below(root, ".case")) {
        testing::RegisterTest(
            "Unprivileged", test_name(std::filesystem::relative(path, root)).c_str(), nullptr,
            nullptr, __FILE__, __LINE__, [path]() -> testing::Test* { return new Case(path); });
    }
}

} // namespace
} // namespace skep::tests

int main(int count, char** words) {
    testing::InitGoogleTest(&count, words);
    skep::tests::add_cases();
    return RUN_ALL_TESTS();
}
