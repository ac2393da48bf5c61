// SPDX-License-Identifier: Apache-2.0
//
// Conformance: every case file on every engine gives the result it names.
//
// Two sets: our own in tests/cases/conformance, one folder for each group of RFC 9669; and the
// public files (.data), in the folder that SKEP_CONFORMANCE_DIR names or ../shared/conformance. The
// program gets the bytes of `-- mem` in R1 with their length in R2.
#include <fstream>

#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "tests/support/case_file.hpp"
#include "tests/support/engines.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

std::vector<std::filesystem::path> public_files() {
    const auto folder = folder_from("SKEP_CONFORMANCE_DIR", "../shared/conformance");
    return folder.has_value() ? files_below(*folder, ".data")
                              : std::vector<std::filesystem::path>();
}
std::vector<std::filesystem::path> own_files() {
    return files_below(std::filesystem::path(SKEP_SOURCE_DIR) / "tests/cases/conformance", ".case");
}

// The program of a case, with its memory's length put into R2 before it begins.
Result<std::vector<RawInsn>> program_of(const CaseFile& file, std::size_t memory_bytes) {
    const auto text = file.section("asm");
    if (!text.has_value()) {
        return fail(Code::invalid_input, "there is no section '-- asm'");
    }
    Assembled assembled = TRY(assemble(*text));
    std::vector<RawInsn> program{{0xb7, 0x02, 0, static_cast<std::int32_t>(memory_bytes)}};
    program.insert(program.end(), assembled.insns.begin(), assembled.insns.end());
    return program;
}

void expect_result(const std::filesystem::path& path) {
    const Result<CaseFile> file = read_case(path);
    ASSERT_TRUE(file.ok()) << file.error().message;
    const auto expected = number_of(file->section("result").value_or(""));
    ASSERT_TRUE(expected.ok()) << expected.error().message;
    const auto memory = bytes_of(file->section("mem").value_or(""));
    ASSERT_TRUE(memory.ok()) << memory.error().message;
    const auto program = program_of(*file, memory->size());
    ASSERT_TRUE(program.ok()) << path << ": " << program.error().message;
    for (const Engine& engine : engines()) {
        ByteVector bytes = *memory; // each engine gets its own
        const auto result = run_once(engine, unchecked(*program), bytes.data());
        ASSERT_TRUE(result.ok()) << engine.name << ": " << result.error().message;
        EXPECT_EQ(*result, *expected) << path << " on " << engine.name;
    }
}

class ConformanceFile : public testing::TestWithParam<std::filesystem::path> {};
class OwnConformanceFile : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(ConformanceFile, GivesItsResultOnEveryEngine) { expect_result(GetParam()); }
TEST_P(OwnConformanceFile, GivesItsResultOnEveryEngine) { expect_result(GetParam()); }

std::string name_of(const testing::TestParamInfo<std::filesystem::path>& info) {
    return test_name(info.param.parent_path().filename().string() + "_" +
                     info.param.stem().string());
}

INSTANTIATE_TEST_SUITE_P(Public, ConformanceFile, testing::ValuesIn(public_files()), name_of);
INSTANTIATE_TEST_SUITE_P(Own, OwnConformanceFile, testing::ValuesIn(own_files()), name_of);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ConformanceFile);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OwnConformanceFile);

TEST(Conformance, FindsThePublicFiles) {
    const std::size_t count = public_files().size();
    if (count == 0) {
        GTEST_SKIP() << "no public conformance files: name their folder in SKEP_CONFORMANCE_DIR";
    }
    EXPECT_GE(count, 300U);
}

} // namespace
} // namespace skep::tests
