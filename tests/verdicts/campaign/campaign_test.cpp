// SPDX-License-Identifier: Apache-2.0
//
// A small campaign: programs and mutants are made again from their numbers, none upsets our
// verifier, and where the kernel can be asked nothing new is accepted by us alone.
#include <gtest/gtest.h>

#include "skep/verify/verify.hpp"
#include "tests/support/kernel_program.hpp"
#include "tests/verdicts/campaign/campaign.hpp"
#include "tests/verdicts/campaign/exhaustion.hpp"
#include "tests/verdicts/campaign/generator/generator.hpp"
#include "tests/verdicts/campaign/generator/mutant.hpp"
#include "tests/verdicts/campaign/generator/rounds.hpp"
#include "tests/verdicts/campaign/generator/surroundings.hpp"

namespace skep::tests::campaign {
namespace {

TEST(Campaign, ANumberMakesTheSameProgramAgain) {
    for (std::uint64_t number = 0; number < 200; ++number) {
        std::mt19937_64 one(number);
        std::mt19937_64 other(number);
        EXPECT_EQ(generate(one).insns, generate(other).insns) << number;
    }
}

TEST(Campaign, AMutantDiffersInOneInstructionOrTwoThatChangedPlaces) {
    std::mt19937_64 random(7);
    for (unsigned tries = 0; tries < 300; ++tries) {
        const std::vector<RawInsn> before = generate(random).insns;
        std::vector<RawInsn> after = before;
        mutate(after, random);
        ASSERT_EQ(after.size(), before.size());
        std::size_t changed = 0;
        for (std::size_t at = 0; at < before.size(); ++at) {
            changed += before[at] == after[at] ? 0U : 1U;
        }
        EXPECT_LE(changed, 2U);
    }
}

TEST(Campaign, OursAnswersEveryProgram) {
    World world;
    world.object = generated_world_object();
    for (const load::ObjectMap& map : world.object.maps) {
        world.maps.push_back(map.spec);
    }
    const Result<std::unique_ptr<client::Transport>> kernel = client::connect_kernel();
    const Judges judges(**kernel, nullptr);
    std::mt19937_64 random(11);
    unsigned accepted = 0;
    for (unsigned tries = 0; tries < 400; ++tries) {
        accepted += judges.ours(world, generate(random)).kind == Opinion::Kind::accept ? 1U : 0U;
    }
    EXPECT_GT(accepted, 60U) << "the generator has lost its way: too little is accepted";
    EXPECT_LT(accepted, 340U) << "too little is refused";
}

TEST(Campaign, BothVerifiersAgreeAboutAFewHundredPrograms) {
    if (!kernel_is_available()) {
        GTEST_SKIP() << "bpf(2) loads no programs for us here";
    }
    const Result<std::unique_ptr<client::Transport>> kernel = client::connect_kernel();
    const Judges judges(**kernel, nullptr);
    Limits limits;
    limits.programs = 400;
    limits.seed = 20;
    Tally tally("");
    run_generated(judges, **kernel, limits, tally);
    EXPECT_GT(tally.judged(), 300U);
    EXPECT_EQ(tally.summary().find("\tonly skep accepts"), std::string::npos) << tally.summary();
}

// A verifier that takes a caller's frame for dead too soon accepts some of every hundred of these.
TEST(Campaign, BothVerifiersAgreeAboutWhatLiesInCallersFrames) {
    if (!kernel_is_available()) {
        GTEST_SKIP() << "bpf(2) loads no programs for us here";
    }
    const Result<std::unique_ptr<client::Transport>> kernel = client::connect_kernel();
    const Judges judges(**kernel, nullptr);
    Limits limits;
    limits.programs = 2000;
    limits.seed = 21;
    limits.kind = Kind::frames;
    Tally tally("");
    run_generated(judges, **kernel, limits, tally);
    EXPECT_EQ(tally.judged(), limits.programs);
    EXPECT_EQ(tally.summary().find("\tonly"), std::string::npos) << tally.summary();
}

// A verifier that lets paths stop in a loop before it is known what matters accepts some of every
// thousand of these that do harm.
TEST(Campaign, WhatRoundsHandEachOtherDoesNoHarmWhereItIsAccepted) {
    unsigned harmless = 0;
    unsigned unknown = 0;
    unsigned accepted = 0;
    for (std::uint64_t seed = 0; seed < 4000; ++seed) {
        std::mt19937_64 random(seed);
        const ProgramSpec program = generate_rounds(random);
        const Reached reached = exhaust(program);
        unknown += reached == Reached::unknown ? 1 : 0;
        harmless += reached == Reached::no_harm ? 1 : 0;
        if (verify::verify(program, verify::Environment{}).verdict == verify::Verdict::accept) {
            ++accepted;
            ASSERT_NE(reached, Reached::harm) << "seed " << seed;
        }
    }
    EXPECT_GT(accepted, 800U);
    EXPECT_LT(harmless + unknown, 3000U); // the others do harm
    EXPECT_LT(unknown, 40U);
}

} // namespace
} // namespace skep::tests::campaign
