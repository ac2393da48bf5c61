// SPDX-License-Identifier: Apache-2.0
//
// The running kernel's types, and programs as text that call its functions by name.
#pragma once

#include <optional>
#include <string>

#include "skep/btf/btf.hpp"
#include "skep/bytecode/insn.hpp"

namespace skep::tests {

// None where the kernel tells none.
std::optional<btf::Btf> kernel_types();

// Helpers are called by name ("call bpf_loop"), kernel functions as "call @function".
Result<std::vector<RawInsn>> assemble_with(std::string text, const btf::Btf& types);

} // namespace skep::tests
