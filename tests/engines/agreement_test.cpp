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

#include "skep/bytecode/disassemble.hpp"
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

std::vector<RawInsn> program_of(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    GeneratorOptions options;
    options.pieces = 10 + static_cast<unsigned>(seed % 80);
    return generate_program(random, options);
}

TEST(Engines, AgreeWithTheWitnessOnRandomPrograms) {
    const std::uint64_t first = setting("SKEP_ENGINE_SEED", 1);
    const std::uint64_t count = setting("SKEP_ENGINE_PROGRAMS", 2000);
    RecordProperty("seed", static_cast<int>(first));
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        const std::vector<RawInsn> insns = program_of(seed);
        const auto expected = witness(insns, nullptr);
        ASSERT_TRUE(expected.has_value()) << "seed " << seed << "\n" << disassemble_program(insns);
        const verify::VerifiedProgram program = unchecked(insns);
        for (const Engine& engine : engines()) {
            const auto result = run_once(engine, program, nullptr);
            ASSERT_TRUE(result.ok()) << "seed " << seed << ": " << result.error().message;
            ASSERT_EQ(*result, *expected) << "seed " << seed << " on " << engine.name << "\n"
                                          << disassemble_program(insns);
        }
    }
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
        for (const Engine& engine : engines()) {
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

} // namespace
} // namespace skep::tests
