// SPDX-License-Identifier: Apache-2.0
//
// In what pieces a program wrote the key of a look-up, as far as the instructions before it tell.
//
// A guess for the sake of time alone: it looks at the stores to the stack a few slots back,
// whatever jumps may arrive between, and a wrong answer costs a few nanoseconds.
//
// Proved by: tests/jit/key_pieces_test.cpp.
#pragma once

#include "skep/run/jit/plan.hpp"

namespace skep::run::jit {

maps::KeyPieces pieces_of_key(const Plan& plan, std::uint32_t call, std::uint32_t key_bytes);

} // namespace skep::run::jit
