// SPDX-License-Identifier: Apache-2.0
//
// One-instruction mutants: a program with one instruction changed in its opcode, a register, its
// offset or its immediate, left out, or exchanged with the next.
#pragma once

#include <random>
#include <vector>

#include "skep/bytecode/insn.hpp"

namespace skep::tests::campaign {

// Changes one instruction; answers its index. Precondition: not empty.
std::uint32_t mutate(std::vector<RawInsn>& program, std::mt19937_64& random);

} // namespace skep::tests::campaign
