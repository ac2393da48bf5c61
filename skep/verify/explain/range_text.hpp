// SPDX-License-Identifier: Apache-2.0
//
// The kernel's words for a returned number that is not one of those allowed.
#pragma once

#include <string>

#include "skep/verify/state/state.hpp"

namespace skep::verify {

// "At program exit the register R0 has smin=5 smax=5 should have been in [0, 1]".
std::string returned_out_of_range(std::string_view where, const Value& result,
                                  const ReturnRange& range);

} // namespace skep::verify
