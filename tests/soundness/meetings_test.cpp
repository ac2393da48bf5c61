// SPDX-License-Identifier: Apache-2.0
//
// Programs in which addresses and numbers meet, on every engine (meetings/writer.hpp): nearly all
// of them are accepted, and those do the same everywhere.
//
// SKEP_MEETINGS_SEED begins elsewhere, SKEP_MEETINGS tries another number. A failure shows the
// program.
#include <cstdlib>

#include <gtest/gtest.h>

#include "skep/bytecode/disassemble.hpp"
#include "skep/run/code/guard.hpp"
#include "tests/soundness/agreement_run.hpp"
#include "tests/soundness/meetings/writer.hpp"
#include "tests/support/verdict_case.hpp"

namespace skep::tests::soundness {
namespace {

std::uint64_t setting(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable); // NOLINT: one thread
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

TEST(Meetings, LeaveTheSameOnEveryEngine) {
    ASSERT_TRUE(run::code::install_fault_handlers().ok());
    const std::uint64_t first = setting("SKEP_MEETINGS_SEED", 1);
    const std::uint64_t count = setting("SKEP_MEETINGS", 300);
    std::uint64_t accepted = 0;
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        std::mt19937_64 random(seed);
        const std::string text = write_meeting(random);
        const Result<VerdictCase> made = verdict_case(parse_case(text));
        ASSERT_TRUE(made.ok()) << made.error().message << "\n" << text;
        Bench bench(made->maps);
        verify::Environment environment;
        environment.maps = bench.specs();
        environment.program_types = &*made->types;
        const Agreement agreement =
            run_on_every_engine(made->program, bench, environment, 8, random);
        ASSERT_EQ(agreement.disagreement, "") << "seed " << seed << "\n" << text;
        EXPECT_FALSE(agreement.depends_on_place) << "seed " << seed << "\n" << text;
        accepted += agreement.ran ? 1U : 0U;
    }
    EXPECT_GE(accepted, count * 9 / 10);
}

} // namespace
} // namespace skep::tests::soundness
