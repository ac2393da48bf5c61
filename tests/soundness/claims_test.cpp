// SPDX-License-Identifier: Apache-2.0
//
// Runs that keep to the claims, and runs that do not.
#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/run/interpreter/claim_checked.hpp"
#include "tests/soundness/claims_run.hpp"
#include "tests/verdicts/campaign/generator/generator.hpp"
#include "tests/verdicts/campaign/generator/surroundings.hpp"

namespace skep::tests::soundness {
namespace {

ProgramSpec program_of(const std::string& text) {
    ProgramSpec program;
    program.type = spec::ProgramType::socket_filter;
    program.license = "GPL";
    program.insns = assemble(text).value().insns;
    return program;
}

// What a run of one program says to the claims about another of the same shape.
std::optional<verify::Violation> run_against(const std::string& claimed, const std::string& run) {
    const verify::Claimed claims = verify::verify_with_claims(program_of(claimed), {});
    const verify::Claimed other = verify::verify_with_claims(program_of(run), {});
    EXPECT_TRUE(claims.outcome.program.has_value()) << claims.outcome.message;
    EXPECT_TRUE(other.outcome.program.has_value()) << other.outcome.message;
    auto checked = run::make_claim_checked(*other.outcome.program, claims.claims, {});
    EXPECT_TRUE(checked.ok());
    std::array<std::uint64_t, 64> context{};
    helpers::Invocation invocation;
    (*checked)->run(context.data(), invocation);
    return (*checked)->violation();
}

TEST(Claims, AProgramKeepsToItsOwn) {
    const std::string loop =
        "r0 = 0\nr1 = 9\nagain:\nr0 += r1\nr1 += -1\nif r1 != 0 goto again\nexit\n";
    EXPECT_FALSE(run_against(loop, loop).has_value());
}

TEST(Claims, ANumberOutsideItsClaimIsToldWithItsRegister) {
    const auto violation = run_against("r1 = 5\nif r1 != 5 goto +0\nr0 = r1\nexit\n",
                                       "r1 = 6\nif r1 != 6 goto +0\nr0 = r1\nexit\n");
    ASSERT_TRUE(violation.has_value());
    EXPECT_EQ(violation->insn.value, 1U);
    EXPECT_EQ(violation->place, "R1");
    EXPECT_EQ(violation->found, 6U);
    EXPECT_NE(violation->claimed.find("0x5..0x5"), std::string::npos) << violation->claimed;
}

TEST(Claims, ASpilledNumberAndAPlaceOfTheStackAreClaimedToo) {
    const std::string tail = "r2 = *(u64 *)(r10 - 8)\nr0 = 0\nif r2 != 7 goto +0\nexit\n";
    const auto slot = run_against("r1 = 7\n*(u64 *)(r10 - 8) = r1\n" + tail,
                                  "r1 = 8\n*(u64 *)(r10 - 8) = r1\n" + tail);
    ASSERT_TRUE(slot.has_value());
    const auto place = run_against("r1 = r10\nr1 += -8\n*(u64 *)(r1 + 0) = 0\nr0 = 0\nexit\n",
                                   "r1 = r10\nr1 += -16\n*(u64 *)(r1 + 0) = 0\nr0 = 0\nexit\n");
    ASSERT_TRUE(place.has_value());
    EXPECT_EQ(place->place, "R1");
}

TEST(Claims, CodeThatIsClaimedNeverToRunMustNotRun) {
    const auto violation = run_against("r0 = 0\nif r0 == 0 goto +1\nr0 = 1\nexit\n",
                                       "r0 = 0\nif r0 != 0 goto +1\nr0 = 1\nexit\n");
    ASSERT_TRUE(violation.has_value());
    EXPECT_EQ(violation->claimed, "never reached");
}

TEST(Claims, GeneratedProgramsKeepToTheirs) {
    const load::ObjectSpec object = campaign::generated_world_object();
    std::vector<spec::MapSpec> specs;
    for (const load::ObjectMap& map : object.maps) {
        specs.push_back(map.spec);
    }
    Bench bench(std::move(specs));
    std::mt19937_64 random(5);
    unsigned ran = 0;
    for (unsigned number = 0; number < 600; ++number) {
        verify::Environment environment;
        environment.maps = bench.specs();
        environment.program_types = &*object.types;
        environment.instruction_limit = 20'000;
        const Tested tested = test(campaign::generate(random), bench, environment, 3, random);
        ran += tested.ran ? 1U : 0U;
        ASSERT_FALSE(tested.violation.has_value()) << describe(*tested.violation);
    }
    EXPECT_GT(ran, 50U);
}

} // namespace
} // namespace skep::tests::soundness
