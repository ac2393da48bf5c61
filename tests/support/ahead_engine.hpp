// SPDX-License-Identifier: Apache-2.0
//
// Code that was compiled ahead of time, as an engine like the others: compiled to an object, linked
// to a library, loaded into this process. Arrays of the binding are copied into the library before
// each run and back afterwards, so that their values are where an application has them.
//
// Limits: nothing catches a fault; tail calls find no program. Takes tens of milliseconds: an
// engine only where SKEP_AHEAD_ENGINE=1.
#pragma once

#include "tests/support/engines.hpp"

namespace skep::tests {

bool ahead_engine_is_wanted();
Result<std::unique_ptr<run::Executable>> make_ahead(const verify::VerifiedProgram& program,
                                                    const run::Binding& binding);

} // namespace skep::tests
