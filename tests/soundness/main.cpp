// SPDX-License-Identifier: Apache-2.0
//
// claims_campaign [--count N] [--seconds N] [--seed N] [--runs N] [--first N] [--objects FOLDER]
//                 [--engines 1] [--meetings 1]
//
// Runs accepted programs (generated ones; with --objects those of a folder of objects and their
// mutants) on random inputs and holds every instruction against the verifier's claims. A program
// that was there before, instruction for instruction, is left out, so that all that are counted are
// distinct. Prints what was checked, and each violation with the program. With --engines 1 the
// programs run on every engine instead, and what is held against each other is what the engines
// leave behind; it says how many programs each of them ran. With --meetings 1 the programs are
// those of meetings/writer.hpp.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <unordered_set>

#include "skep/base/result.hpp"
#include "skep/bytecode/disassemble.hpp"
#include "tests/soundness/agreement_run.hpp"
#include "tests/soundness/meetings/writer.hpp"
#include "tests/support/verdict_case.hpp"
#include "tests/verdicts/campaign/generator/generator.hpp"
#include "tests/verdicts/campaign/generator/mutant.hpp"
#include "tests/verdicts/campaign/generator/surroundings.hpp"

namespace skep::tests::soundness {
namespace {

using Clock = std::chrono::steady_clock;

struct Arguments {
    std::uint64_t count = 1000, seconds = 60, seed = 1, runs = 8, first = 0;
    std::string objects;
    bool engines = false, meetings = false;
};

struct Sums {
    std::uint64_t tried = 0, repeated = 0, programs = 0, insns = 0, violations = 0;
    std::map<std::string_view, std::uint64_t> by_engine; // programs that it ran
};

// Of type and instructions (FNV-1a): two of a few million programs share one with a chance of one
// in a million.
std::uint64_t fingerprint(const ProgramSpec& program) {
    constexpr std::uint64_t kPrime = 0x100000001b3ULL;
    std::uint64_t hash = 0xcbf29ce484222325ULL ^ static_cast<std::uint64_t>(program.type);
    for (const RawInsn& insn : program.insns) {
        std::array<std::uint8_t, sizeof(RawInsn)> bytes{};
        std::memcpy(bytes.data(), &insn, sizeof insn);
        for (const std::uint8_t byte : bytes) {
            hash = (hash ^ byte) * kPrime;
        }
    }
    return hash;
}

std::vector<spec::MapSpec> map_specs(const load::ObjectSpec& object) {
    std::vector<spec::MapSpec> specs;
    for (const load::ObjectMap& map : object.maps) {
        specs.push_back(map.spec);
        if (map.read_only_data) {
            specs.back().constant_value = map.initial_value;
        }
    }
    return specs;
}

class Campaign {
  public:
    explicit Campaign(const Arguments& arguments)
        : arguments_(arguments), end_(Clock::now() + std::chrono::seconds(arguments.seconds)) {}

    void generated() {
        const load::ObjectSpec object = campaign::generated_world_object();
        Bench bench(map_specs(object));
        for (std::uint64_t number = arguments_.first; !is_over(); ++number) {
            std::mt19937_64 random = random_for(number);
            if (number % kRenewEvery == 0) {
                bench.renew();
            }
            one(campaign::generate(random), bench, object, fmt::format("generated {}", number));
            next_ = number + 1;
        }
    }

    void objects() {
        std::vector<std::filesystem::path> paths;
        for (const auto& entry : std::filesystem::directory_iterator(arguments_.objects)) {
            paths.push_back(entry.path());
        }
        std::sort(paths.begin(), paths.end());
        for (std::uint64_t visit = arguments_.first; !is_over() && !paths.empty(); ++visit) {
            object(paths[visit % paths.size()], visit);
            next_ = visit + 1;
        }
    }

    void meetings() {
        for (std::uint64_t number = arguments_.first; !is_over(); ++number) {
            std::mt19937_64 random = random_for(number);
            const Result<VerdictCase> made = verdict_case(parse_case(write_meeting(random)));
            SKEP_ASSERT(made.ok()); // our own text
            load::ObjectSpec object;
            object.types = made->types;
            Bench bench(made->maps);
            one(made->program, bench, object, fmt::format("meeting {}", number));
            next_ = number + 1;
        }
    }

    void print() const {
        fmt::print("{} tried, {} repeated, {} distinct programs run, {} instructions checked, {} "
                   "violations, seed {}, next {}\n",
                   sums_.tried, sums_.repeated, sums_.programs, sums_.insns, sums_.violations,
                   arguments_.seed, next_);
        for (const auto& [engine, programs] : sums_.by_engine) {
            fmt::print("  {}: {} programs\n", engine, programs);
        }
    }
    [[nodiscard]] bool failed() const { return sums_.violations != 0; }

  private:
    static constexpr std::uint64_t kRenewEvery = 64;
    static constexpr unsigned kMutants = 20;

    [[nodiscard]] bool is_over() const {
        return sums_.tried >= arguments_.count || Clock::now() >= end_;
    }

    [[nodiscard]] std::mt19937_64 random_for(std::uint64_t number) const {
        std::seed_seq sequence{arguments_.seed, arguments_.seed >> 32, number, number >> 32};
        return std::mt19937_64(sequence);
    }

    void object(const std::filesystem::path& path, std::uint64_t visit) {
        std::ifstream stream(path, std::ios::binary);
        const std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(stream), {}};
        const Result<load::ObjectSpec> object = load::load_object(bytes, path.filename(), {});
        if (!object.ok()) {
            return;
        }
        constexpr std::uint32_t kMostEntries = 1U << 16;
        std::vector<spec::MapSpec> specs = map_specs(*object);
        for (spec::MapSpec& spec : specs) { // room for many, but not for all of a production object
            spec.max_entries = std::min(spec.max_entries, kMostEntries);
        }
        Bench bench(std::move(specs));
        std::mt19937_64 random = random_for(visit);
        for (const load::ObjectProgram& program : object->programs) {
            ProgramSpec spec = program.spec;
            spec.license = object->license;
            one(spec, bench, *object, fmt::format("{} {}", object->file, spec.name));
            for (unsigned mutant = 0; mutant < kMutants && !is_over(); ++mutant) {
                ProgramSpec changed = spec;
                changed.lines.clear();
                const std::uint32_t at = campaign::mutate(changed.insns, random);
                one(changed, bench, *object,
                    fmt::format("{} {} visit {} mutant {} insn {}", object->file, spec.name, visit,
                                mutant, at));
            }
        }
    }

    void one(const ProgramSpec& program, Bench& bench, const load::ObjectSpec& object,
             const std::string& name) {
        ++sums_.tried;
        if (!seen_.insert(fingerprint(program)).second) {
            ++sums_.repeated;
            return;
        }
        verify::Environment environment;
        environment.maps = bench.specs();
        environment.program_types = object.types ? &*object.types : nullptr;
        environment.instruction_limit = 20'000;
        std::mt19937_64 random = random_for(sums_.tried);
        if (arguments_.engines) {
            return on_every_engine(program, bench, environment, name);
        }
        const Tested tested =
            test(program, bench, environment, static_cast<unsigned>(arguments_.runs), random);
        sums_.programs += tested.ran ? 1U : 0U;
        sums_.insns += tested.checked_insns;
        if (tested.violation.has_value()) {
            ++sums_.violations;
            fmt::print("== {} type {}\n{}\n{}\n", name, static_cast<std::uint32_t>(program.type),
                       describe(*tested.violation), disassemble_program(program.insns));
        }
        tell();
    }

    void on_every_engine(const ProgramSpec& program, Bench& bench,
                         const verify::Environment& environment, const std::string& name) {
        std::mt19937_64 random = random_for(sums_.tried);
        const Agreement agreement = run_on_every_engine(
            program, bench, environment, static_cast<unsigned>(arguments_.runs), random);
        sums_.programs += agreement.ran ? 1U : 0U;
        for (const std::string_view engine : agreement.engines) {
            sums_.by_engine[engine] += agreement.ran ? 1U : 0U;
        }
        if (!agreement.disagreement.empty()) {
            ++sums_.violations;
            fmt::print("== {} type {}\n{}\n{}\n", name, static_cast<std::uint32_t>(program.type),
                       agreement.disagreement, disassemble_program(program.insns));
        }
        tell();
    }

    void tell() const {
        constexpr std::uint64_t kTellEvery = 20'000;
        if (sums_.tried % kTellEvery == 0) {
            print();
            std::fflush(stdout);
        }
    }

    const Arguments& arguments_;
    Clock::time_point end_;
    Sums sums_;
    std::unordered_set<std::uint64_t> seen_;
    std::uint64_t next_ = 0;
};

std::optional<Arguments> parse(int count, char** words) {
    Arguments arguments;
    for (int index = 1; index + 1 < count; index += 2) {
        const std::string word = words[index];
        const std::uint64_t number = std::strtoull(words[index + 1], nullptr, 10);
        if (word == "--count") {
            arguments.count = number;
        } else if (word == "--seconds") {
            arguments.seconds = number;
        } else if (word == "--seed") {
            arguments.seed = number;
        } else if (word == "--runs") {
            arguments.runs = number;
        } else if (word == "--first") {
            arguments.first = number;
        } else if (word == "--engines") {
            arguments.engines = number != 0;
        } else if (word == "--meetings") {
            arguments.meetings = number != 0;
        } else if (word == "--objects") {
            arguments.objects = words[index + 1];
        } else {
            return std::nullopt;
        }
    }
    return count % 2 == 1 ? std::optional(arguments) : std::nullopt;
}

int run(const Arguments& arguments) {
    Campaign campaign(arguments);
    if (arguments.meetings) {
        campaign.meetings();
    } else if (arguments.objects.empty()) {
        campaign.generated();
    } else {
        campaign.objects();
    }
    campaign.print();
    return campaign.failed() ? 1 : 0;
}

} // namespace
} // namespace skep::tests::soundness

int main(int count, char** words) {
    const auto arguments = skep::tests::soundness::parse(count, words);
    if (!arguments) {
        fmt::print(stderr, "usage: claims_campaign [--count N] [--seconds N] [--seed N] [--runs N] "
                           "[--first N] [--objects FOLDER] [--engines 1] [--meetings 1]\n");
        return 2;
    }
    return skep::tests::soundness::run(*arguments);
}
