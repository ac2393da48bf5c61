// SPDX-License-Identifier: Apache-2.0
//
// Compiling ahead: the same lift and pipeline as for code in memory, but what a program refers to
// gets a name instead of a place in a table, and all programs of a file become one object.
#pragma once

#include "skep/base/result.hpp"
#include "skep/run/optimised/ahead.hpp"

namespace skep::optimise {

Result<run::AheadObject> compile_ahead(const run::AheadJob& job);

} // namespace skep::optimise
