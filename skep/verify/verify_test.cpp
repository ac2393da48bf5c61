// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/spec/helpers.hpp"
#include "skep/spec/kernels/features.hpp"
#include "skep/verify/verify.hpp"

namespace skep::verify {
namespace {

ProgramSpec program(std::string_view text,
                    spec::ProgramType type = spec::ProgramType::socket_filter) {
    Symbols symbols;
    symbols.helper = [](std::string_view name) -> std::optional<std::int32_t> {
        const spec::HelperRow* row = spec::helper_named(name);
        return row == nullptr ? std::nullopt : std::optional(static_cast<std::int32_t>(row->id));
    };
    Result<Assembled> assembled = assemble(text, symbols);
    EXPECT_TRUE(assembled.ok());
    ProgramSpec program;
    program.insns = std::move(assembled->insns);
    program.type = type;
    program.license = "GPL";
    return program;
}

Outcome judged(const ProgramSpec& program, std::string_view version) {
    Environment environment;
    environment.kernel_version = *spec::kernel_version(version);
    environment.diagnose = true;
    return verify(program, environment);
}

// Refused just before, accepted since, and the refusal names both.
void expect_since(const ProgramSpec& program, std::string_view before, std::string_view since) {
    const Outcome refused = judged(program, before);
    ASSERT_EQ(refused.verdict, Verdict::reject) << since;
    EXPECT_EQ(refused.findings.front().code, "E0801") << refused.message;
    EXPECT_NE(refused.message.find(since), std::string::npos) << refused.message;
    const Outcome accepted = judged(program, since);
    EXPECT_EQ(accepted.verdict, Verdict::accept) << accepted.message;
}

TEST(KernelNeeds, AHelperIsRefusedBeforeTheKernelThatBroughtIt) {
    expect_since(program("call bpf_ktime_get_boot_ns\nexit"), "5.7", "5.8");
}

TEST(KernelNeeds, AProgramTypeToo) {
    expect_since(program("r0 = 1\nexit", spec::ProgramType::sk_lookup), "5.8", "5.9");
}

TEST(KernelNeeds, ThirtyTwoBitJumpsCameWith51) {
    expect_since(program("r0 = 0\nif w0 == 0 goto out\nr0 = 1\nout:\nexit"), "5.0", "5.1");
}

TEST(KernelNeeds, LoopsCameWith53) {
    expect_since(program("r0 = 0\nagain:\nr0 += 1\nif r0 < 9 goto again\nexit"), "5.2", "5.3");
}

TEST(KernelNeeds, AJumpBackThatIsNoLoopIsNone) {
    const ProgramSpec back = program("r0 = 0\ngoto last\nfirst:\nexit\nlast:\ngoto first");
    EXPECT_EQ(judged(back, "4.14").verdict, Verdict::accept) << judged(back, "4.14").message;
}

TEST(KernelNeeds, AtomicsThatGiveBackCameWith512) {
    expect_since(program("r1 = 0\n*(u64 *)(r10 - 8) = r1\nr1 = 1\n"
                         "r1 = atomic_fetch_add((u64 *)(r10 - 8), r1)\nr0 = 0\nexit"),
                 "5.11", "5.12");
}

TEST(KernelNeeds, SignedDivisionCameWith66) {
    expect_since(program("r0 = 6\nr0 s/= 2\nexit"), "6.5", "6.6");
}

TEST(KernelNeeds, MoreThan4096InstructionsCameWith52) {
    std::string text;
    for (int count = 0; count < 4096; ++count) {
        text += "r0 = 0\n";
    }
    expect_since(program(text + "exit"), "5.1", "5.2");
}

TEST(KernelNeeds, ACallThatNoPathReachesIsNotNeeded) {
    const ProgramSpec guarded =
        program("r0 = 0\nif r0 == 0 goto out\ncall bpf_ktime_get_boot_ns\nout:\nexit");
    EXPECT_EQ(judged(guarded, "4.19").verdict, Verdict::accept) << judged(guarded, "4.19").message;
}

TEST(KernelNeeds, EverythingThatIsMissingIsTold) {
    const Outcome outcome =
        judged(program("r0 = 6\nr0 s/= 2\ncall bpf_ktime_get_boot_ns\nexit"), "5.4");
    EXPECT_EQ(outcome.findings.size(), 2U);
    EXPECT_EQ(outcome.needs.size(), 2U);
}

} // namespace
} // namespace skep::verify
