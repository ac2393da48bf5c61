// SPDX-License-Identifier: Apache-2.0
//
// Which maps a program may name at all, whatever it does with them.
//
// Proved by: tests/verdicts/objects/run_programs and tests/verdicts/object_test.cpp.
#pragma once

#include "skep/verify/access/special_fields.hpp"

namespace skep::verify {

// Precondition: note_special_fields was called.
Ruling<void> check_maps_of_program(const Subject& subject);

} // namespace skep::verify
