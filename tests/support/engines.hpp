// SPDX-License-Identifier: Apache-2.0
//
// The engines that exist, as one table: every test that runs a program runs it on each of them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "skep/run/executable.hpp"

namespace skep::tests {

using MakeExecutable = Result<std::unique_ptr<run::Executable>> (*)(const verify::VerifiedProgram&,
                                                                    const run::Binding&);

struct Engine {
    std::string_view name;
    MakeExecutable make;
};

// Engines that this machine and this build can run.
std::span<const Engine> engines();
// For tests of thousands of programs: those that take milliseconds to compile one have only each
// 64th turn (SKEP_SLOW_ENGINES_EVERY: another number).
std::span<const Engine> engines(std::uint64_t turn);

// One run on a fresh invocation (slot 0, a steady clock, no tail calls); R1 points at `context`.
Result<std::uint64_t> run_once(const Engine& engine, const verify::VerifiedProgram& program,
                               void* context, const run::Binding& binding = {});

} // namespace skep::tests
