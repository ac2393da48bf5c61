// SPDX-License-Identifier: Apache-2.0
//
// Where control may go, and whether it gets everywhere.
#pragma once

#include <vector>

#include "skep/verify/explain/finding.hpp"
#include "skep/verify/state/subject.hpp"

namespace skep::verify {

// The instructions of the same subprogram that may follow the one at `at`; one or two, none after
// an exit. A call is followed by what stands behind it.
struct Successors {
    InsnIndex list[2];
    unsigned count = 0;
};
Successors successors(const Subject& subject, InsnIndex at);

// Refuses instructions that cannot be reached, jumps into the second half of a wide immediate, and
// loops without the capability for them.
Ruling<void> check_control_flow(const Subject& subject);

// Where a path may be compared with earlier ones: conditional jumps, targets of unconditional ones,
// behind calls. By slot.
std::vector<bool> prune_points(const Subject& subject);

} // namespace skep::verify
