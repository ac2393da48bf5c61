// SPDX-License-Identifier: Apache-2.0
//
// From the program as written to the program as it runs: what the walk never reached is removed,
// jumps that always go one way are hard-wired, context accesses become accesses to the host's
// record.
//
// Proved by: tests/engines, tests/conformance (what runs is what was rewritten).
#pragma once

#include <vector>

#include "skep/verify/access/context.hpp"
#include "skep/verify/explain/finding.hpp"
#include "skep/verify/state/subject.hpp"
#include "skep/verify/verified_program.hpp"

namespace skep::verify {

struct Rewritten {
    std::vector<RawInsn> insns;
    std::vector<InsnIndex> origins; // by running slot
    std::vector<InsnIndex>
        starts; // running index of each original slot; of the next kept one when removed
};

// What the rewrite must know of each original instruction.
struct RunningFacts {
    std::vector<bool> reached;
    std::vector<InsnFacts> facts;
};

// Refuses only what this build cannot run: a context without a host record.
Ruling<Rewritten> rewrite(const Subject& subject, const RunningFacts& running);

} // namespace skep::verify
