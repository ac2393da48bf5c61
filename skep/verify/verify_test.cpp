// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cerrno>

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

// Before, what a processor would do on a wrong guess was refused.
TEST(KernelNeeds, ForLoadersWithoutCapabilitiesABarrierIsNeededWhereAGuessWouldDoHarm) {
    const ProgramSpec guessed =
        program("r0 = 0\nif r0 == 0 goto out\nr0 = *(u64 *)(r0 + 0)\nout:\nr0 = 0\nexit");
    EXPECT_EQ(judged(guessed, "6.16").verdict, Verdict::accept);
    Environment environment;
    environment.capabilities = Capabilities::none();
    environment.kernel_version = *spec::kernel_version("6.16");
    const Outcome refused = verify(guessed, environment);
    EXPECT_EQ(refused.verdict, Verdict::reject);
    EXPECT_NE(refused.message.find("6.17"), std::string::npos) << refused.message;
    EXPECT_EQ(refused.findings.front().place.insn.value, 2U);
    environment.kernel_version = *spec::kernel_version("6.17");
    EXPECT_EQ(verify(guessed, environment).verdict, Verdict::accept);
}

TEST(Capabilities, EachOpensWhatItIsFor) {
    const auto may_load = [](spec::ProgramType type, Capabilities capabilities) {
        Environment environment;
        environment.capabilities = capabilities;
        const Outcome outcome = verify(program("r0 = 0\nexit", type), environment);
        EXPECT_TRUE(outcome.verdict == Verdict::accept || outcome.os_errno == EPERM);
        return outcome.verdict == Verdict::accept;
    };
    using spec::ProgramType;
    const Capabilities bpf{.bpf = true, .perfmon = false, .net_admin = false};
    const Capabilities network{.bpf = true, .perfmon = false, .net_admin = true};
    const Capabilities tracing{.bpf = true, .perfmon = true, .net_admin = false};
    for (const ProgramType anyone : {ProgramType::socket_filter, ProgramType::cgroup_skb}) {
        EXPECT_TRUE(may_load(anyone, Capabilities::none()));
        EXPECT_TRUE(may_load(anyone, bpf));
    }
    EXPECT_FALSE(may_load(ProgramType::sk_reuseport, Capabilities::none()));
    EXPECT_TRUE(may_load(ProgramType::sk_reuseport, bpf));
    EXPECT_FALSE(may_load(ProgramType::xdp, bpf));
    EXPECT_TRUE(may_load(ProgramType::xdp, network));
    EXPECT_FALSE(may_load(ProgramType::kprobe, network));
    EXPECT_TRUE(may_load(ProgramType::kprobe, tracing));
}

TEST(Capabilities, WithoutAnyAProgramHasAtMost4096Instructions) {
    std::string text;
    for (int count = 0; count < 4095; ++count) {
        text += "r0 = 0\n";
    }
    Environment environment;
    environment.capabilities = Capabilities::none();
    EXPECT_EQ(verify(program(text + "exit"), environment).verdict, Verdict::accept);
    const Outcome refused = verify(program(text + "r0 = 0\nexit"), environment);
    EXPECT_EQ(refused.os_errno, E2BIG);
}

TEST(KernelNeeds, EverythingThatIsMissingIsTold) {
    const Outcome outcome =
        judged(program("r0 = 6\nr0 s/= 2\ncall bpf_ktime_get_boot_ns\nexit"), "5.4");
    EXPECT_EQ(outcome.findings.size(), 2U);
    EXPECT_EQ(outcome.needs.size(), 2U);
}

} // namespace
} // namespace skep::verify
