// SPDX-License-Identifier: Apache-2.0
#include "tests/support/engines.hpp"

#include <array>
#include <chrono>

#include "skep/run/interpreter/checked.hpp"
#include "skep/run/tiers.hpp"

namespace skep::tests {
namespace {

std::uint64_t steady_clock_ns(void*, int) {
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

constexpr std::array kEngines{
    Engine{"interpreter", run::make_interpreter},
    Engine{"checked_interpreter", run::make_checked},
    Engine{"hardened_jit", run::make_hardened_jit},
    Engine{"jit", run::make_jit},
};
constexpr std::size_t kWithoutMachineCode = 2;

} // namespace

std::span<const Engine> engines() {
    return run::check_available(run::Tier::jit).ok()
               ? kEngines
               : std::span(kEngines).first(kWithoutMachineCode);
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
