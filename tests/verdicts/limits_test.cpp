// SPDX-License-Identifier: Apache-2.0
//
// Where judging a program ends by itself: a million instructions on all paths together, branches
// that wait, memory. The kernel is asked for the limits that are its own.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/verify/verify.hpp"
#include "tests/support/kernel_program.hpp"

namespace skep::tests {
namespace {

ProgramSpec program_of(const std::string& text) {
    ProgramSpec program;
    program.type = spec::ProgramType::socket_filter;
    program.license = "GPL";
    program.insns = assemble(text).value().insns;
    return program;
}

verify::Outcome judged(const ProgramSpec& program, std::uint64_t memory_limit_bytes = 4ULL << 30) {
    verify::Environment environment;
    environment.memory_limit_bytes = memory_limit_bytes;
    return verify::verify(program, environment);
}

// Two instructions a round, and two to begin and end with.
ProgramSpec counting_to(unsigned rounds) {
    return program_of(
        fmt::format("r0 = 0\nagain:\nr0 += 1\nif r0 < {} goto again\nexit\n", rounds));
}

// Each bit of a number that nobody knows is asked for; all answers are different states.
ProgramSpec asking_for_bits(unsigned count) {
    std::string text = "call 7\nr6 = r0\nr7 = 0\n";
    for (unsigned bit = 0; bit < count; ++bit) {
        text += fmt::format("if r6 & {} goto +1\ngoto +1\nr7 += {}\n", 1U << bit, 1U << bit);
    }
    return program_of(text + "r7 &= 63\nr1 = r10\nr1 += -64\nr1 += r7\n*(u8 *)(r1 + 0) = 1\n"
                             "r0 = 0\nexit\n");
}

void expect_of_kernel(const ProgramSpec& program, const verify::Outcome& outcome) {
    if (!kernel_is_available()) {
        GTEST_SKIP() << "bpf(2) does not load programs for us";
    }
    const auto loaded = KernelProgram::load(program.insns, program.type);
    EXPECT_EQ(loaded.ok(), outcome.verdict == verify::Verdict::accept);
    if (!loaded.ok()) {
        EXPECT_NE(loaded.error().message.find(outcome.message), std::string::npos)
            << loaded.error().message;
    }
}

TEST(Limits, AMillionInstructionsAreWalkedAndNoMore) {
    // 999,999 instructions: two for each round but the first, which has no jump back before it.
    const ProgramSpec below = counting_to(499'998);
    const verify::Outcome accepted = judged(below);
    EXPECT_EQ(accepted.verdict, verify::Verdict::accept) << accepted.message;
    EXPECT_EQ(accepted.statistics.insns_processed, 999'998U);
    expect_of_kernel(below, accepted);

    const ProgramSpec beyond = counting_to(500'000);
    const verify::Outcome refused = judged(beyond);
    ASSERT_EQ(refused.verdict, verify::Verdict::reject);
    EXPECT_EQ(refused.message, "BPF program is too large. Processed 1000001 insn");
    EXPECT_EQ(refused.findings.front().code, "E0701");
    expect_of_kernel(beyond, refused);
}

TEST(Limits, BranchesThatWaitAreCounted) {
    std::string text = "call 7\n";
    constexpr unsigned kBranches = 8'193;
    for (unsigned branch = 0; branch < kBranches; ++branch) {
        text += fmt::format("if r0 == {} goto +{}\n", branch + 1, kBranches - branch - 1);
    }
    const ProgramSpec many = program_of(text + "r0 = 0\nexit\n");
    const verify::Outcome refused = judged(many);
    ASSERT_EQ(refused.verdict, verify::Verdict::reject);
    EXPECT_EQ(refused.message, "The sequence of 8193 jumps is too complex.");
    expect_of_kernel(many, refused);
}

TEST(Limits, MemoryIsBoundedByWhatIsAllowed) {
    const ProgramSpec program = asking_for_bits(12);
    const verify::Outcome unbounded = judged(program);
    ASSERT_EQ(unbounded.verdict, verify::Verdict::accept) << unbounded.message;
    const std::uint64_t needed = unbounded.statistics.memory_bytes;
    ASSERT_GT(needed, 1U << 18U) << "too small a program to say anything";

    EXPECT_EQ(judged(program, needed).verdict, verify::Verdict::accept);
    const verify::Outcome refused = judged(program, needed / 2);
    ASSERT_EQ(refused.verdict, verify::Verdict::reject);
    const verify::Finding& finding = refused.findings.front();
    EXPECT_EQ(finding.code, "E0703");
    EXPECT_EQ(finding.os_errno, ENOMEM);
    EXPECT_EQ(finding.because,
              fmt::format("the states of the walk take {} bytes, and {} are allowed",
                          refused.statistics.memory_bytes, needed / 2));
    // One state too many, not a multiple of them.
    EXPECT_LT(refused.statistics.memory_bytes, needed / 2 + (1U << 17U));
}

} // namespace
} // namespace skep::tests
