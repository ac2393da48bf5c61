// SPDX-License-Identifier: Apache-2.0
//
// A part of the probes as a test: our verifier and the running kernel's give the same verdict, but
// for the differences that docs/verdict-differences.md explains.
#include <gtest/gtest.h>

#include "skep/btf/builder.hpp"
#include "skep/os/files.hpp"
#include "tests/support/kernel_program.hpp"
#include "tests/verdicts/probes/families.hpp"
#include "tests/verdicts/probes/run.hpp"

namespace skep::tests::probes {
namespace {

constexpr std::uint64_t kOneOf = 17; // of all probes: some seconds

std::optional<btf::Btf> kernel_types() {
    const Result<ByteVector> raw = os::read_file("/sys/kernel/btf/vmlinux");
    Result<btf::Btf> types =
        raw.ok() ? btf::Btf::parse(*raw) : Result<btf::Btf>(Error{raw.error()});
    return types.ok() ? std::optional(std::move(types).value()) : std::nullopt;
}

TEST(Probes, EveryFamilyAsksMuch) {
    const btf::Btf none = btf::Builder().build().value();
    const std::vector<Caller> all = callers(none);
    EXPECT_GT(all.size(), 50U);
    for (const Family& family : families()) {
        std::uint64_t asked = 0;
        family.make(all, none,
                    [&](const Probe& probe) { asked += probe.program.insns.empty() ? 0U : 1U; });
        if (family.make != kernel_functions) { // there are none without the kernel's types
            EXPECT_GT(asked, 1000U) << family.name;
        }
    }
}

TEST(Probes, TheKernelAgreesAboutOneOfSo) {
    const std::optional<btf::Btf> types = kernel_types();
    if (!kernel_is_available() || !types.has_value()) {
        GTEST_SKIP() << "bpf(2) loads no programs for us here, or the kernel shows no types";
    }
    const Result<std::unique_ptr<client::Transport>> kernel = client::connect_kernel();
    Choice choice;
    choice.one_of = kOneOf;
    const Result<Report> report = run(**kernel, *types, choice);
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_GT(report->judged, 10'000U);
    for (const auto& [cause, difference] : report->causes) {
        EXPECT_EQ(cause.find("ONLY SKEP ACCEPTS"), std::string::npos) << difference.examples[0];
    }
    // Other words, and what the kernel should not accept, are a handful.
    EXPECT_LT(report->other_words + report->only_kernels, report->judged / 500);
}

} // namespace
} // namespace skep::tests::probes
