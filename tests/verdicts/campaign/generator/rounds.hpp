// SPDX-License-Identifier: Apache-2.0
//
// Random programs whose safety hangs on what a loop's rounds hand each other: numbers wander
// between registers and slots of the stack on several ways through the body, which meet again, and
// on some ways one of them is an index. What a verifier concludes of a state while the loop around
// it is not done, it may have to take back; one that forgets to shows here as a program that it
// accepts and the kernel refuses.
//
// Loops are may_goto's, one in another at most, or the callback of bpf_loop, which finds the
// numbers in its caller's frame. Most numbers are fine as an index and one in eight is not.
#pragma once

#include <random>

#include "skep/bytecode/program.hpp"

namespace skep::tests::campaign {

ProgramSpec generate_rounds(std::mt19937_64& random);

} // namespace skep::tests::campaign
