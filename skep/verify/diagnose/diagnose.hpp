// SPDX-License-Identifier: Apache-2.0
//
// Diagnosis: how a refusal came about, in the words of the source.
//
// A check that refuses knows one state. What a person needs lies before it: where the value came
// from, which comparison was too short or missing, what was taken and not given back. So the path
// that was refused is walked once more, and each of its states kept; from the end, values are
// followed back through copies, spills and calls to where they were made (trail.hpp). Names are
// those of BTF (maps, fields, parameters) and of the source lines that line info carries
// (names.hpp).
//
// Nothing here decides anything: the verdict is made, and a note that cannot be found is left out.
//
// Proved by: tests/diagnosis, which applies each proposed fix and verifies again.
#pragma once

#include <span>
#include <vector>

#include "skep/verify/explain/finding.hpp"
#include "skep/verify/explore/walk.hpp"

namespace skep::verify {

// A finding for each refused path, in their order, with notes, names and fixes.
std::vector<Finding> diagnose(const Subject& subject, std::span<const RefusedPath> refused);

} // namespace skep::verify
