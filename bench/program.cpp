// SPDX-License-Identifier: Apache-2.0
#include "bench/program.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>

#include <fmt/format.h>

#include "bench/packets.hpp"
#include "bench/runners.hpp"
#include "skep/run/tiers.hpp"
#include "skep/verify/verify.hpp"

namespace skep::bench {
namespace {

using Clock = std::chrono::steady_clock;
// As many for whatever runs machine code, the kernel's among it: the first of them find caches and
// branch predictors cold, and must weigh alike. Interpreters are slow enough for less.
constexpr std::uint32_t kRunsPerSample = 4096;
constexpr std::uint32_t kInterpretedRuns = 256;
constexpr int kCompilations = 25;
constexpr int kOptimisations = 5;

void add_engine(Program& program, const verify::VerifiedProgram& verified, run::Tier tier,
                std::span<const load::ObjectMap> maps) {
    auto made = EngineRunner::make(verified, tier, maps, packet_for(program.name));
    const std::string name(run::name_of(tier));
    if (!made.ok()) {
        program.remarks.push_back(name + ": " + made.error().message);
        return;
    }
    const std::shared_ptr<EngineRunner> runner = std::move(made).value();
    if (tier == run::Tier::llvm) {
        std::vector<double> times;
        for (int i = 0; i < kOptimisations; ++i) {
            const std::clock_t begin = std::clock(); // of this process alone
            const auto again = run::make_optimised(verified, runner->binding());
            times.push_back(1e3 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
        }
        std::nth_element(times.begin(), times.begin() + kOptimisations / 2, times.end());
        program.optimise_ms = times[kOptimisations / 2];
    }
    if (tier == run::Tier::jit) {
        const auto listing = runner->executable().listing();
        program.code.assign(listing->bytes.begin(), listing->bytes.end());
        std::vector<double> times;
        for (int i = 0; i < kCompilations; ++i) {
            const auto begin = Clock::now();
            const auto again = run::make_jit(verified, runner->binding());
            times.push_back(
                std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
        }
        std::nth_element(times.begin(), times.begin() + kCompilations / 2, times.end());
        program.compile_us = times[kCompilations / 2];
    }
    const std::uint32_t runs = tier == run::Tier::interpreter ? kInterpretedRuns : kRunsPerSample;
    program.subjects.push_back({name,
                                [runner, runs] { return runner->time_ns(runs); },
                                [runner] { return runner->run(); },
                                {}});
}

void add_witness(Program& program, const verify::VerifiedProgram& verified) {
    const auto runner = std::make_shared<WitnessRunner>(verified.insns(), packet_for(program.name));
    if (runner->can_run()) {
        program.subjects.push_back({"witness",
                                    [runner] { return runner->time_ns(kInterpretedRuns / 4); },
                                    [runner] { return runner->run(); },
                                    {}});
    }
}

void add_kernel(Program& program, const load::ObjectProgram& loaded,
                std::span<const load::ObjectMap> maps) {
    auto made = KernelRunner::make(loaded.spec.insns, maps, packet_for(program.name));
    if (!made.ok()) {
        program.remarks.push_back("kernel: " + made.error().message);
        return;
    }
    const std::shared_ptr<KernelRunner> runner = std::move(made).value();
    program.subjects.push_back({"kernel",
                                [runner] { return runner->time_ns(kRunsPerSample); },
                                [runner] { return runner->run(); },
                                {}});
}

Program make(const load::ObjectProgram& loaded, std::span<const load::ObjectMap> maps,
             const btf::Btf* types) {
    Program program;
    program.name = loaded.spec.name;
    program.slots = loaded.spec.insns.size();
    std::vector<spec::MapSpec> shapes;
    for (const load::ObjectMap& map : maps) {
        shapes.push_back(map.spec);
    }
    verify::Environment environment;
    environment.maps = shapes;
    environment.program_types = types;
    const verify::Outcome outcome = verify::verify(loaded.spec, environment);
    if (!outcome.program.has_value()) {
        program.remarks.push_back("verifier: " + outcome.message);
        return program;
    }
    program.steps = steps_of(*outcome.program, maps, packet_for(program.name));
    for (const run::Tier tier : {run::Tier::interpreter, run::Tier::jit, run::Tier::llvm}) {
        if (run::check_available(tier).ok()) {
            add_engine(program, *outcome.program, tier, maps);
        }
    }
    add_witness(program, *outcome.program);
    add_kernel(program, loaded, maps);
    return program;
}

} // namespace

double Subject::median() {
    if (samples.empty()) {
        return 0;
    }
    const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
    std::nth_element(samples.begin(), middle, samples.end());
    return *middle;
}

const Subject* Program::subject(std::string_view engine) const {
    const auto found = std::find_if(subjects.begin(), subjects.end(),
                                    [&](const Subject& one) { return one.engine == engine; });
    return found == subjects.end() ? nullptr : &*found;
}

Program make_program(const load::ObjectSpec& object, std::string kind,
                     std::span<const NativeForm> natives) {
    const load::ObjectProgram& loaded = object.programs.front();
    Program program = make(loaded, object.maps, object.types ? &*object.types : nullptr);
    program.kind = std::move(kind);
    for (const NativeForm& native : natives) {
        if (native.program == program.name) {
            const auto runner = std::make_shared<NativeRunner>(native.function, object.maps,
                                                               packet_for(program.name));
            program.subjects.push_back({"native " + std::string(native.level),
                                        [runner] { return runner->time_ns(kRunsPerSample); },
                                        [runner] { return runner->run(); },
                                        {}});
        }
    }
    return program;
}

Program make_empty_program() {
    load::ObjectProgram nothing;
    nothing.spec.name = "empty";
    nothing.spec.type = spec::ProgramType::xdp;
    nothing.spec.license = "GPL";
    nothing.spec.insns = {{0xb7, 0, 0, 2}, {0x95, 0, 0, 0}};
    Program program = make(nothing, {}, nullptr);
    const auto runner = std::make_shared<NativeRunner>(
        [](void*) { return 2; }, std::span<const load::ObjectMap>(), packet_for(program.name));
    for (const char* level : {"native O2", "native O3"}) {
        program.subjects.push_back({level,
                                    [runner] { return runner->time_ns(kRunsPerSample); },
                                    [runner] { return runner->run(); },
                                    {}});
    }
    return program;
}

} // namespace skep::bench
