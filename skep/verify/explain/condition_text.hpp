// SPDX-License-Identifier: Apache-2.0
//
// What was true where a path went one of two ways: "r1 == 0", "the loop goes round again".
#pragma once

#include <string>

#include "skep/bytecode/insn.hpp"

namespace skep::verify {

// `put_off` names the way that the walk puts on its work list: of a conditional jump, its target.
std::string condition_text(const Insn& insn, bool put_off);

} // namespace skep::verify
