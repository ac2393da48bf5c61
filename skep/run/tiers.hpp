// SPDX-License-Identifier: Apache-2.0
//
// Tiers: which engine runs a program, and why.
//
// What the user names is taken or refused, never replaced. When nothing is named the policy
// decides: machine code wherever there is a generator for this machine and memory that may hold
// code, since it is ready in microseconds; else the interpreter. The answer carries its reason, in
// words for a person.
//
// Proved by: tiers_test.cpp; tests/jit.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "skep/run/executable.hpp"

namespace skep::run {

// As in --tier and in reports: "interpreter", "jit", "llvm".
std::string_view name_of(Tier tier);
std::optional<Tier> tier_named(std::string_view name);
std::string tier_names(std::string_view between); // all of them

// Whether this build can run programs in this tier on this machine; if not, why not.
Result<void> check_available(Tier tier);

struct Ready {
    std::unique_ptr<Executable> executable;
    std::string reason; // why this tier
};

// Makes the program ready to run, in the tier that was asked for or the one that the policy picks.
Result<Ready> make_executable(const verify::VerifiedProgram& program, const Binding& binding,
                              std::optional<Tier> wanted = std::nullopt);

} // namespace skep::run
