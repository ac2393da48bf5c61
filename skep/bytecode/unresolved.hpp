// SPDX-License-Identifier: Apache-2.0
//
// What loaders write in place of an instruction that asks the target for what is not there: calls
// of helpers that do not exist. They may be in a program as long as they are not reached; where one
// is, the verifier's answer is "invalid func unknown#NUMBER".
#pragma once

#include "skep/bytecode/insn.hpp"

namespace skep {

inline constexpr RawInsn kUnresolvedInsn{0x85, 0, 0, 195896080}; // 0xbad2310
inline constexpr std::int32_t kMissingKfunc = 2002000000;        // a weak function of the kernel

} // namespace skep
