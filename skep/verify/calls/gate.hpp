// SPDX-License-Identifier: Apache-2.0
//
// The gate: may this program call that helper at all, here? Asked before any argument is looked at,
// in the kernel's order: known, offered, licence, sleeping, open sections.
#pragma once

#include "skep/verify/explain/finding.hpp"
#include "skep/verify/state/state.hpp"
#include "skep/verify/state/subject.hpp"

#include "skep/spec/helpers.hpp"

namespace skep::verify {

// The row of the helper that the instruction at `at` calls.
Ruling<const spec::HelperRow*> check_gate(const Subject& subject, const State& state, InsnIndex at);

} // namespace skep::verify
