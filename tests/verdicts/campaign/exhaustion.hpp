// SPDX-License-Identifier: Apache-2.0
//
// What a program of generator/rounds.hpp can do, found by doing everything: its numbers are few, so
// that the states it can be in are, too. The oracle for what a verifier says of such programs; it
// knows the instructions that they are made of and no others.
//
// A loop may take any number of rounds, a random number is any that the program compares it with,
// or another one.
#pragma once

#include "skep/bytecode/program.hpp"

namespace skep::tests::campaign {

// `harm`: on some way a byte outside the frame of the main function is written to.
enum class Reached : std::uint8_t { no_harm, harm, unknown }; // unknown: an instruction, too many

Reached exhaust(const ProgramSpec& program);

} // namespace skep::tests::campaign
