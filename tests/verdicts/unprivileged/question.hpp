// SPDX-License-Identifier: Apache-2.0
//
// A verdict case as the running kernel can be asked about it, and what its log says in the end.
#pragma once

#include <string>

#include "skep/load/object.hpp"
#include "tests/support/verdict_case.hpp"

namespace skep::tests {

load::ObjectSpec object_of(VerdictCase one);
std::string last_line(const std::string& log); // of those that are no numbers

} // namespace skep::tests
