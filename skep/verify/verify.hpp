// SPDX-License-Identifier: Apache-2.0
//
// verify(): from a program as written to a program that is proved safe, or to findings.
//
// A pure function. What depends on the machine is in the Environment. The result does not depend on
// time, memory addresses or other programs. Engines accept a VerifiedProgram and nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "skep/bytecode/program.hpp"
#include "skep/verify/environment.hpp"
#include "skep/verify/explain/finding.hpp"
#include "skep/verify/kernel_need.hpp"
#include "skep/verify/statistics.hpp"
#include "skep/verify/verified_program.hpp"

namespace skep::verify {

enum class Verdict : std::uint8_t { accept, reject, error };

// By whose patience a program is judged. `kernel` walks path after path, as Linux does, and refuses
// what takes too many instructions. `extended` also accepts programs that are proved by joining the
// states of paths where they meet (explore/merge/); the verdict says when that was needed.
enum class Mode : std::uint8_t { kernel, extended };

struct Outcome {
    Verdict verdict = Verdict::error;
    std::optional<VerifiedProgram> program; // exactly when accepted
    int os_errno = 0;                       // positive; what PROG_LOAD answers when refused
    std::string message;                    // the last line in the kernel's wording
    std::vector<Finding> findings;          // exactly when refused: the first decided the verdict
    std::vector<KernelNeed> needs;          // when asked for a diagnosis
    // Accepted by joining states where paths meet (Mode::extended): the kernel walks path after
    // path and may refuse it as too complex.
    bool by_joining = false;
    Statistics statistics;
    std::string log; // in the kernel's shape, by log_level
};

Outcome verify(const ProgramSpec& program, const Environment& environment,
               Mode mode = Mode::kernel);

// As verify(), with the claims when it accepts. Nothing is optimised by what was proved: every
// instruction runs as it was written, but for accesses to the context.
class Claims; // claims.hpp
struct Claimed {
    Outcome outcome;
    std::shared_ptr<Claims> claims;
};
Claimed verify_with_claims(const ProgramSpec& program, const Environment& environment);

} // namespace skep::verify
