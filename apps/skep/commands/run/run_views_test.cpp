// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/commands/run/run_views.hpp"

#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/run/interpreter/counted.hpp"
#include "skep/run/tiers.hpp"
#include "skep/verify/verify.hpp"

namespace skep::app {
namespace {

std::string shown(const RunViews& views) {
    Session session("skep", {});
    testing::internal::CaptureStdout();
    EXPECT_TRUE(show_run_views(session, views).ok());
    return testing::internal::GetCapturedStdout();
}

struct RunViewsOf : testing::Test {
    void SetUp() override {
        ProgramSpec spec;
        spec.name = "views";
        spec.type = spec::ProgramType::socket_filter;
        spec.license = "GPL";
        spec.insns = assemble("r6 = r1\nr0 = 0\nr2 = *(u32 *)(r6 + 0)\nif r2 == 0 goto out\n"
                              "r0 = 5\nout:\nexit")
                         .value()
                         .insns;
        verify::Outcome outcome = verify::verify(spec, {});
        ASSERT_TRUE(outcome.program.has_value()) << outcome.message;
        program.emplace(std::move(*outcome.program));
        views = views_of(*program, nullptr);
    }
    std::optional<verify::VerifiedProgram> program;
    RunViews views;
};

TEST_F(RunViewsOf, CountsStandBesideTheirInstructions) {
    views.costs = Costs{.of = {3, 3, 3, 3, 1, 3}};
    const std::string text = shown(views);
    EXPECT_NE(text.find("16 instructions"), std::string::npos) << text;
    EXPECT_NE(text.find("             1     4: (b7) r0 = 5\n"), std::string::npos) << text;
}

TEST_F(RunViewsOf, MachineCodeStandsUnderItsBytecodeAndJumpsNameInstructions) {
    if (const Result<void> jit = run::check_available(run::Tier::jit); !jit.ok()) {
        GTEST_SKIP() << jit.error().message;
    }
    const auto code = run::make_jit(*program, {});
    ASSERT_TRUE(code.ok()) << code.error().message;
    views.machine_code = (*code)->listing();
    const std::string text = shown(views);
    EXPECT_NE(text.find("     2: (61) r2 = *(u32 *)(r6 +0)\n"), std::string::npos) << text;
    EXPECT_NE(text.find("# insn 5"), std::string::npos) << text;
}

} // namespace
} // namespace skep::app
