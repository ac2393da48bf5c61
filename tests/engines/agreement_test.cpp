// SPDX-License-Identifier: Apache-2.0
//
// Engines against each other: random valid programs give one answer on all of them, on the witness
// and, where bpf(2) is available, in the running kernel.
//
// SKEP_ENGINE_SEED begins elsewhere, SKEP_ENGINE_PROGRAMS tries another number of programs. A
// failure shows the seed and the program.
#include <cerrno>
#include <cstdlib>

#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/bytecode/disassemble.hpp"
#include "skep/verify/verify.hpp"
#include "tests/support/engines.hpp"
#include "tests/support/kernel_program.hpp"
#include "tests/support/program_generator.hpp"
#include "tests/support/unchecked.hpp"
#include "tests/support/witness.hpp"

namespace skep::tests {
namespace {

std::uint64_t setting(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable); // NOLINT: one thread
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

std::vector<RawInsn> program_of(std::uint64_t seed, unsigned pieces) {
    std::mt19937_64 random(seed);
    GeneratorOptions options;
    options.pieces = pieces;
    return generate_program(random, options);
}

std::vector<RawInsn> program_of(std::uint64_t seed) {
    return program_of(seed, 10 + static_cast<unsigned>(seed % 80));
}

void expect_agreement(const std::vector<RawInsn>& insns, std::uint64_t seed,
                      std::span<const Engine> all) {
    const auto expected = witness(insns, nullptr);
    ASSERT_TRUE(expected.has_value()) << "seed " << seed << "\n" << disassemble_program(insns);
    const verify::VerifiedProgram program = unchecked(insns);
    for (const Engine& engine : all) {
        const auto result = run_once(engine, program, nullptr);
        ASSERT_TRUE(result.ok()) << "seed " << seed << ": " << result.error().message;
        ASSERT_EQ(*result, *expected) << "seed " << seed << " on " << engine.name << "\n"
                                      << disassemble_program(insns);
    }
}

TEST(Engines, AgreeWithTheWitnessOnRandomPrograms) {
    const std::uint64_t first = setting("SKEP_ENGINE_SEED", 1);
    const std::uint64_t count = setting("SKEP_ENGINE_PROGRAMS", 2000);
    RecordProperty("seed", static_cast<int>(first));
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        ASSERT_NO_FATAL_FAILURE(expect_agreement(program_of(seed), seed, engines(seed)));
    }
}

// The optimiser negated sums of it without end, and grew.
TEST(Engines, AreDoneWithAProgramThatIsFullOfNegations) {
    constexpr std::uint64_t kSeed = 201347079; // of the campaign, which gives it 19 pieces
    expect_agreement(program_of(kSeed, 19), kSeed, engines());
}

TEST(Engines, AgreeWithTheKernelOnRandomPrograms) {
    if (!kernel_is_available()) {
        GTEST_SKIP() << "bpf(2) does not load programs for this user";
    }
    const std::uint64_t first = setting("SKEP_ENGINE_SEED", 1);
    const std::uint64_t count = setting("SKEP_ENGINE_PROGRAMS", 300);
    const std::array<std::uint8_t, 64> packet{};
    std::uint64_t compared = 0;
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        const std::vector<RawInsn> insns = program_of(seed);
        const auto loaded = KernelProgram::load(insns, spec::ProgramType::socket_filter);
        if (!loaded.ok()) {
            // Too many paths for it is no disagreement; anything else is.
            ASSERT_EQ(errno_of(loaded.error()), E2BIG)
                << "seed " << seed << ": " << loaded.error().message << "\n"
                << disassemble_program(insns);
            continue;
        }
        const auto expected = loaded->run(packet);
        ASSERT_TRUE(expected.ok()) << expected.error().message;
        for (const Engine& engine : engines(seed)) {
            const auto result = run_once(engine, unchecked(insns), nullptr);
            ASSERT_TRUE(result.ok()) << result.error().message;
            ASSERT_EQ(static_cast<std::uint32_t>(*result), *expected)
                << "seed " << seed << " on " << engine.name << "\n"
                << disassemble_program(insns);
        }
        ++compared;
    }
    EXPECT_GT(compared, count / 2);
}

// Both ways meet at `meet` with another number on the stack. Whoever stops at the second arrival,
// because nothing relied on that number yet, and then decides the last branch by what the atomic
// instruction fetched, drops code that runs: Linux 6.18 gives 7 here. No shift by 64 of a 32-bit
// word is known to a verifier, so that both ways are walked.
constexpr std::string_view kFetchedNumberDecides = R"(
    r6 = 5
    r7 = 64
    *(u64 *)(r10 - 8) = 1
    w6 >>= w7
    r7 = 0
    r7 = 0
    r7 = 0
    r7 = 0
    r7 = 0
    if r6 == 7654321 goto again
    r7 = 0
again:
    if r6 != 1234567 goto meet
    *(u64 *)(r10 - 8) = 2
meet:
    r3 = 0
    r3 = atomic_fetch_or((u64 *)(r10 - 8), r3)
    r0 = 7
    if r3 != 1 goto out
    r0 = 8
out:
    exit
)";

TEST(Engines, RunWhatABranchOnAFetchedNumberLeadsTo) {
    const auto assembled = assemble(kFetchedNumberDecides);
    ASSERT_TRUE(assembled.ok()) << assembled.error().message;
    ASSERT_EQ(witness(assembled->insns, nullptr), 8U);
    ProgramSpec spec;
    spec.name = "fetched";
    spec.type = spec::ProgramType::socket_filter;
    spec.license = "GPL";
    spec.insns = assembled->insns;
    const verify::Outcome outcome = verify::verify(spec, verify::Environment{});
    ASSERT_TRUE(outcome.program.has_value()) << outcome.message;
    for (const Engine& engine : engines()) {
        const auto result = run_once(engine, *outcome.program, nullptr);
        ASSERT_TRUE(result.ok()) << result.error().message;
        EXPECT_EQ(*result, 8U) << engine.name;
    }
}

} // namespace
} // namespace skep::tests
