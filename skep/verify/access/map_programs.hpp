// SPDX-License-Identifier: Apache-2.0
//
// Which maps a program may name at all, whatever it does with them.
//
// Proved by: tests/verdicts/objects/run_programs and tests/verdicts/object_test.cpp.
#pragma once

#include "skep/verify/explain/finding.hpp"
#include "skep/verify/state/subject.hpp"

namespace skep::verify {

Ruling<void> check_maps_of_program(const Subject& subject);

} // namespace skep::verify
