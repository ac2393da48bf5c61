// SPDX-License-Identifier: Apache-2.0
//
// How deep the stacks of functions that call each other get together.
#pragma once

#include "skep/verify/explain/finding.hpp"
#include "skep/verify/explore/facts.hpp"

namespace skep::verify {

// The deepest sum over any chain of calls; refuses what does not fit (spec/verifier.md, section 9).
Ruling<std::uint32_t> check_stack_depth(const Subject& subject, const Facts& facts);

} // namespace skep::verify
