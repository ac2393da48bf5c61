// SPDX-License-Identifier: Apache-2.0
//
// func_info against the subprograms that were found: names, types, and which ones are global.
#pragma once

#include "skep/verify/explain/finding.hpp"
#include "skep/verify/state/subject.hpp"

namespace skep::verify {

// Fills in name, btf_function and is_global. A program without func_info keeps them empty: then all
// subprograms are static.
Ruling<void> read_function_info(Subject& subject);

} // namespace skep::verify
