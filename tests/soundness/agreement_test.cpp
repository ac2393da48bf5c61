// SPDX-License-Identifier: Apache-2.0
//
// Generated programs that the verifier accepts (packets, maps, helpers, loops, subprograms), with
// the facts that it proved, on every engine.
//
// SKEP_ACCEPTED_SEED begins elsewhere, SKEP_ACCEPTED_PROGRAMS tries another number. A failure shows
// the program.
#include <cstdlib>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "skep/bytecode/disassemble.hpp"
#include "skep/run/code/guard.hpp"
#include "tests/soundness/agreement_run.hpp"
#include "tests/verdicts/campaign/generator/generator.hpp"
#include "tests/verdicts/campaign/generator/surroundings.hpp"

namespace skep::tests::soundness {
namespace {

std::uint64_t setting(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable); // NOLINT: one thread
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

TEST(AcceptedPrograms, DoTheSameOnEveryEngine) {
    ASSERT_TRUE(run::code::install_fault_handlers().ok());
    const load::ObjectSpec object = campaign::generated_world_object();
    std::vector<spec::MapSpec> specs;
    for (const load::ObjectMap& map : object.maps) {
        specs.push_back(map.spec);
        if (map.read_only_data) {
            specs.back().constant_value = map.initial_value;
        }
    }
    Bench bench(std::move(specs));
    verify::Environment environment;
    environment.maps = bench.specs();
    environment.program_types = object.types ? &*object.types : nullptr;
    environment.instruction_limit = 20'000;
    const std::uint64_t first = setting("SKEP_ACCEPTED_SEED", 1);
    const std::uint64_t count = setting("SKEP_ACCEPTED_PROGRAMS", 1500);
    std::uint64_t ran = 0;
    std::uint64_t left_out = 0;
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        std::mt19937_64 random(seed);
        const ProgramSpec program = campaign::generate(random);
        const Agreement agreement = run_on_every_engine(program, bench, environment, 4, random);
        ASSERT_EQ(agreement.disagreement, "") << "seed " << seed << "\n"
                                              << disassemble_program(program.insns);
        ran += agreement.ran ? 1U : 0U;
        left_out += agreement.depends_on_place ? 1U : 0U;
    }
    RecordProperty("ran", static_cast<int>(ran));
    EXPECT_GT(ran, count / 20);
    fmt::print("{} of {} programs ran, {} more depend on addresses\n", ran, count, left_out);
}

} // namespace
} // namespace skep::tests::soundness
