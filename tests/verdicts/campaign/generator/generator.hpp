// SPDX-License-Identifier: Apache-2.0
//
// Random programs near the border of what is allowed.
//
// The generator keeps a rough idea of what each register and stack slot holds while it writes the
// program from top to bottom, and picks pieces that make sense with it: a look-up and its test, a
// packet bound and an access, a masked index into a value, a loop, a subprogram, a call of any
// helper with arguments of the kinds that its row asks for. Sizes and offsets are taken around the
// limit, and one choice in a few dozen is wrong on purpose. So about half of the programs are
// safe, and the others nearly.
//
// The idea need not be right: both verifiers judge what came out.
#pragma once

#include <random>

#include "skep/bytecode/program.hpp"

namespace skep::tests::campaign {

ProgramSpec generate(std::mt19937_64& random);

} // namespace skep::tests::campaign
