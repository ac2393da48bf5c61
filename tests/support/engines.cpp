// SPDX-License-Identifier: Apache-2.0
#include "tests/support/engines.hpp"

#include <chrono>
#include <cstdlib>
#include <vector>

#include "skep/run/interpreter/checked.hpp"
#include "skep/run/optimised/optimiser.hpp"
#include "skep/run/tiers.hpp"
#include "tests/support/ahead_engine.hpp"

namespace skep::tests {
namespace {

std::uint64_t steady_clock_ns(void*, int) {
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

enum class Slow : bool { without, with };

std::uint64_t slow_every() {
    constexpr std::uint64_t kUsual = 64;
    const char* text = std::getenv("SKEP_SLOW_ENGINES_EVERY"); // NOLINT: read once
    const std::uint64_t every = text == nullptr ? kUsual : std::strtoull(text, nullptr, 0);
    return every == 0 ? kUsual : every;
}

std::vector<Engine> make_engines(Slow slow) {
    std::vector<Engine> all{{"interpreter", run::make_interpreter},
                            {"checked_interpreter", run::make_checked}};
    if (slow == Slow::with && run::optimiser().ok()) { // compiles in this process
        all.push_back({"llvm", run::make_optimised});
        if (ahead_engine_is_wanted()) {
            all.push_back({"ahead", make_ahead});
        }
    }
    if (run::check_available(run::Tier::jit).ok()) {
        all.push_back({"hardened_jit", run::make_hardened_jit});
        all.push_back({"jit", run::make_jit});
    }
    return all;
}

} // namespace

std::span<const Engine> engines() {
    static const std::vector<Engine> all = make_engines(Slow::with);
    return all;
}

std::span<const Engine> engines(std::uint64_t turn) {
    static const std::vector<Engine> quick = make_engines(Slow::without);
    static const std::uint64_t every = slow_every();
    return turn % every == 0 ? engines() : quick;
}

Result<std::uint64_t> run_once(const Engine& engine, const verify::VerifiedProgram& program,
                               void* context, const run::Binding& binding) {
    const std::unique_ptr<run::Executable> executable = TRY(engine.make(program, binding));
    helpers::Services services;
    services.clock_ns = steady_clock_ns;
    helpers::Invocation invocation;
    invocation.context = context;
    invocation.services = &services;
    return executable->run(context, invocation);
}

} // namespace skep::tests
