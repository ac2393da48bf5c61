// SPDX-License-Identifier: Apache-2.0
//
// A campaign: random programs by the million, on every engine of this build, each answer compared
// with the witness's. Every eighth program is verified first and runs as the verifier rewrote it,
// with the facts that it proved. docs/campaigns.md keeps which seeds were run.
//
//   engine_campaign FIRST_SEED COUNT
//
// Engines that take milliseconds to compile a program run each 64th (SKEP_SLOW_ENGINES_EVERY:
// another number); how many each ran is said. The first disagreement is shown with its seed and its
// program, and ends it with status 1.
#include <chrono>
#include <cstdlib>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "skep/bytecode/disassemble.hpp"
#include "skep/verify/verify.hpp"
#include "tests/support/engines.hpp"
#include "tests/support/program_generator.hpp"
#include "tests/support/unchecked.hpp"
#include "tests/support/witness.hpp"

namespace skep::tests {
namespace {

constexpr std::uint64_t kVerifyEvery = 8;
constexpr std::uint64_t kTellEvery = 200'000;

std::vector<RawInsn> program_of(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    GeneratorOptions options;
    options.pieces = 4 + static_cast<unsigned>(seed % 36);
    return generate_program(random, options);
}

std::optional<verify::VerifiedProgram> verified(const std::vector<RawInsn>& insns) {
    ProgramSpec spec;
    spec.name = "campaign";
    spec.type = spec::ProgramType::socket_filter;
    spec.license = "GPL";
    spec.insns = insns;
    verify::Environment environment;
    environment.instruction_limit = 20'000; // a program with more paths than that is skipped
    return verify::verify(spec, environment).program;
}

struct OfEngine {
    std::uint64_t programs = 0;
    std::uint64_t with_facts = 0;
};

struct Tally {
    std::uint64_t programs = 0;
    std::map<std::string_view, OfEngine> engines; // slow ones do not run every program
};

bool agrees(std::uint64_t seed, Tally& tally) {
    const std::vector<RawInsn> insns = program_of(seed);
    const auto expected = witness(insns, nullptr);
    if (!expected.has_value()) {
        fmt::print("seed {}: the witness gives up\n{}", seed, disassemble_program(insns));
        return false;
    }
    std::vector<verify::VerifiedProgram> forms{unchecked(insns)};
    if (seed % kVerifyEvery == 0) {
        if (auto proved = verified(insns)) {
            forms.push_back(std::move(*proved));
        }
    }
    for (const verify::VerifiedProgram& form : forms) {
        for (const Engine& engine : engines(seed / kVerifyEvery)) {
            const auto result = run_once(engine, form, nullptr);
            if (!result.ok() || *result != *expected) {
                fmt::print("seed {} on {}{}: {} instead of {:#x}\n{}", seed, engine.name,
                           &form == &forms.front() ? "" : " with facts",
                           result.ok() ? fmt::format("{:#x}", *result) : result.error().message,
                           *expected, disassemble_program(insns));
                return false;
            }
            OfEngine& ran = tally.engines[engine.name];
            ++(&form == &forms.front() ? ran.programs : ran.with_facts);
        }
    }
    ++tally.programs;
    return true;
}

void tell(const Tally& tally, std::uint64_t first, std::uint64_t last, double seconds) {
    fmt::print("seeds {} to {}: {} programs agree with the witness, {:.0f} s\n", first, last,
               tally.programs, seconds);
    for (const auto& [engine, ran] : tally.engines) {
        fmt::print("  {}: {} programs, and {} with facts\n", engine, ran.programs, ran.with_facts);
    }
    std::fflush(stdout);
}

int run(std::uint64_t first, std::uint64_t count) {
    const auto begin = std::chrono::steady_clock::now();
    Tally tally;
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        if (!agrees(seed, tally)) {
            return 1;
        }
        if (tally.programs % kTellEvery == 0 || tally.programs == count) {
            const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
            tell(tally, first, seed, passed.count());
        }
    }
    return 0;
}

} // namespace
} // namespace skep::tests

int main(int argc, char** argv) {
    const std::uint64_t first = argc > 1 ? std::strtoull(argv[1], nullptr, 0) : 1;
    const std::uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 0) : 100'000;
    return skep::tests::run(first, count);
}
