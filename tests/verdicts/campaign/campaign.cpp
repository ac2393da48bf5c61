// SPDX-License-Identifier: Apache-2.0
#include "tests/verdicts/campaign/campaign.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/verdicts/campaign/generator/frames.hpp"
#include "tests/verdicts/campaign/generator/generator.hpp"
#include "tests/verdicts/campaign/generator/mutant.hpp"
#include "tests/verdicts/campaign/generator/rounds.hpp"
#include "tests/verdicts/campaign/generator/surroundings.hpp"

namespace skep::tests::campaign {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint64_t kDearest = 4000; // processed instructions of a program that is mutated
constexpr std::uint64_t kWriteEvery = 1000;

class Runner {
  public:
    Runner(const Judges& judges, const Limits& limits, Tally& tally)
        : judges_(judges), limits_(limits), tally_(tally), end_(Clock::now() + limits.time) {}

    [[nodiscard]] bool is_over() const {
        return judged_ >= limits_.programs || Clock::now() >= end_;
    }

    void one(const World& world, const ProgramSpec& program, const std::string& name) {
        const Opinion ours = judges_.ours(world, program);
        const Opinion kernels =
            ours.kind == Opinion::Kind::none ? Opinion{} : judges_.kernels(world, program);
        tally_.count(ours, kernels);
        ++judged_;
        if (compare(ours, kernels) != Disagreement::nothing) {
            const Case found = judge(judges_, world, program);
            if (found.kind != Disagreement::nothing && tally_.wants(found)) {
                tally_.keep(name, found, minimise(judges_, world, program));
            }
        }
        if (limits_.messages && ours.kind == Opinion::Kind::reject &&
            kernels.kind == Opinion::Kind::reject) {
            compare_messages(world, program, name, ours.message);
        }
        if (judged_ % kWriteEvery == 0) {
            tally_.write();
        }
    }

  private:
    void compare_messages(const World& world, const ProgramSpec& program, const std::string& name,
                          const std::string& ours) {
        const std::string kernels = judges_.kernel_message(world, program);
        if (ours == kernels) {
            return;
        }
        Case found;
        found.cause = cause_of(ours) + " | " + cause_of(kernels);
        found.ours = ours;
        found.kernels = kernels;
        if (tally_.wants(found)) {
            tally_.keep(name, found, program);
        }
    }

    const Judges& judges_;
    const Limits& limits_;
    Tally& tally_;
    Clock::time_point end_;
    std::uint64_t judged_ = 0;
};

std::mt19937_64 random_for(std::uint64_t seed, std::uint64_t number) {
    std::seed_seq sequence{seed, seed >> 32, number, number >> 32};
    return std::mt19937_64(sequence);
}

std::vector<std::uint8_t> read_file(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::vector<std::filesystem::path> objects_in(const std::string& folder) {
    std::vector<std::filesystem::path> objects;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() == ".o") {
            objects.push_back(entry.path());
        }
    }
    std::sort(objects.begin(), objects.end());
    return objects;
}

// One visit of one object: every program that both take, changed a few times.
void visit(Runner& runner, const Judges& judges, const World& world, const Limits& limits,
           std::uint64_t number) {
    std::mt19937_64 random = random_for(limits.seed, number);
    for (const load::ObjectProgram& program : world.object.programs) {
        ProgramSpec spec = program.spec;
        spec.license = world.object.license;
        spec.lines.clear();
        const std::mt19937_64 start(random());
        const Opinion ours = judges.ours(world, spec);
        if (program.error.has_value() || ours.kind != Opinion::Kind::accept ||
            ours.insns_processed > kDearest ||
            judges.kernels(world, spec).kind != Opinion::Kind::accept) {
            continue;
        }
        std::mt19937_64 own = start;
        for (std::uint64_t mutant = 0; mutant < limits.mutants_of_each && !runner.is_over();
             ++mutant) {
            ProgramSpec changed = spec;
            const std::uint32_t at = mutate(changed.insns, own);
            runner.one(world, changed,
                       fmt::format("{} {} visit {} mutant {} insn {}", world.object.file, spec.name,
                                   number, mutant, at));
        }
    }
}

ProgramSpec generated(Kind kind, std::mt19937_64& random) {
    return kind == Kind::frames   ? generate_frames(random)
           : kind == Kind::rounds ? generate_rounds(random)
                                  : generate(random);
}

} // namespace

void run_generated(const Judges& judges, client::Transport& kernel, const Limits& limits,
                   Tally& tally) {
    Result<std::unique_ptr<World>> world = make_world(kernel, generated_world_object());
    if (!world.ok()) {
        fmt::print(stderr, "maps: {}\n", world.error().message);
        return;
    }
    Runner runner(judges, limits, tally);
    for (; !runner.is_over(); ++tally.next) {
        std::mt19937_64 random = random_for(limits.seed, tally.next);
        runner.one(**world, generated(limits.kind, random),
                   fmt::format("generated {} {}", limits.seed, tally.next));
    }
    tally.write();
}

void run_mutants(const Judges& judges, client::Transport& kernel, const Originals& originals,
                 const Limits& limits, Tally& tally) {
    const std::vector<std::filesystem::path> objects = objects_in(originals.folder);
    load::Options options;
    options.target_btf = originals.kernel_types;
    options.kernel_version = (6U << 16) | (18U << 8);
    Runner runner(judges, limits, tally);
    for (; !runner.is_over() && !objects.empty(); ++tally.next) {
        const std::filesystem::path& path = objects[tally.next % objects.size()];
        const std::vector<std::uint8_t> bytes = read_file(path);
        Result<load::ObjectSpec> object = load::load_object(bytes, path.filename(), options);
        if (!object.ok()) {
            continue;
        }
        Result<std::unique_ptr<World>> world = make_world(kernel, std::move(object).value());
        if (world.ok()) {
            visit(runner, judges, **world, limits, tally.next);
        }
    }
    tally.write();
}

} // namespace skep::tests::campaign
