// SPDX-License-Identifier: Apache-2.0
//
// ClaimCheckedExecutable: the interpreter held against the verifier's claims, instruction by
// instruction.
//
// Before every instruction the registers and the stack must lie inside a state that the verifier
// had there, and what a load or store touches must be what the claimed pointer may touch. The first
// contradiction ends the run and is kept.
//
// For one thread at a time. The program is one of verify_with_claims(): as written, but for
// accesses to the context, whose several steps are checked as the one they stand for.
//
// Proved by: tests/soundness/claims_test.cpp (a false claim is found, true ones are not).
#pragma once

#include <memory>
#include <optional>

#include "skep/run/executable.hpp"
#include "skep/verify/claims.hpp"

namespace skep::run {

class ClaimCheckedExecutable : public Executable {
  public:
    [[nodiscard]] virtual const std::optional<verify::Violation>& violation() const = 0;
    [[nodiscard]] virtual std::uint64_t checked_insns() const = 0; // since the beginning
};

// A run is given up after so many checked instructions: loops may go round millions of times.
inline constexpr std::uint64_t kMostCheckedInsns = 50'000'000;

Result<std::unique_ptr<ClaimCheckedExecutable>>
make_claim_checked(const verify::VerifiedProgram& program, std::shared_ptr<verify::Claims> claims,
                   const Binding& binding, std::uint64_t most_insns = kMostCheckedInsns);

} // namespace skep::run
