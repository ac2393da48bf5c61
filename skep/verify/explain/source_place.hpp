// SPDX-License-Identifier: Apache-2.0
//
// From an instruction to the source line that it came from.
#pragma once

#include "skep/verify/explain/finding.hpp"
#include "skep/verify/state/subject.hpp"

namespace skep::verify {

// Fills in what line info knows of place.insn.
void locate(const ProgramSpec& program, const Environment& environment, Place& place);

} // namespace skep::verify
