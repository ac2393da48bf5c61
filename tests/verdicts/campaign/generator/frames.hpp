// SPDX-License-Identifier: Apache-2.0
//
// Random programs whose safety hangs on what lies in the frames of callers: addresses of slots and
// numbers are stored there, handed down as arguments, found again two calls below, and read through
// after ways have met. What a verifier takes for dead too soon shows here as a program that it
// accepts and the kernel refuses.
//
// One way through the program, on which no branch is taken, is followed while it is written and is
// safe. What the other ways overwrite makes about half of the programs unsafe.
#pragma once

#include <random>

#include "skep/bytecode/program.hpp"

namespace skep::tests::campaign {

ProgramSpec generate_frames(std::mt19937_64& random);

} // namespace skep::tests::campaign
