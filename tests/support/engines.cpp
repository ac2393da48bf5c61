// SPDX-License-Identifier: Apache-2.0
#include "tests/support/engines.hpp"

#include <chrono>
#include <vector>

#include "skep/run/interpreter/checked.hpp"
#include "skep/run/tiers.hpp"

namespace skep::tests {
namespace {

std::uint64_t steady_clock_ns(void*, int) {
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

std::vector<Engine> all_engines() {
    std::vector<Engine> all{{"interpreter", run::make_interpreter},
                            {"checked_interpreter", run::make_checked}};
    if (run::check_available(run::Tier::llvm).ok()) {
        all.push_back({"llvm", run::make_optimised});
    }
    if (run::check_available(run::Tier::jit).ok()) {
        all.push_back({"hardened_jit", run::make_hardened_jit});
        all.push_back({"jit", run::make_jit});
    }
    return all;
}

} // namespace

std::span<const Engine> engines() {
    static const std::vector<Engine> all = all_engines();
    return all;
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
