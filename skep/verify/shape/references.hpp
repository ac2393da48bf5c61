// SPDX-License-Identifier: Apache-2.0
//
// What instructions refer to by number: maps, addresses in their values, kernel functions. It must
// be there and be of the right kind even where the instruction can never run, because a loader
// replaces the numbers by addresses before anything is walked.
#pragma once

#include "skep/verify/explain/finding.hpp"
#include "skep/verify/state/subject.hpp"

namespace skep::verify {

Ruling<void> check_references(const Subject& subject);

} // namespace skep::verify
