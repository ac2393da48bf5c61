// SPDX-License-Identifier: Apache-2.0
//
// Layout: blocks stand where control comes from.
//
// Compilers to bytecode leave a loop's body behind what follows the loop, and jump there and back
// in each round: every taken jump costs a processor more than the instruction. A chunk is what lies
// between two places that control never runs through: it begins a function or comes after a goto or
// an exit, and ends with one. Chunks of a function may stand in any order, its first first. Here a
// chunk that ends with a goto to the beginning of another one is followed by that one, if it has no
// place yet, and the goto becomes nothing; else by the first that has none. So no program gains a
// jump, and each pair that meets loses one.
//
// The plan's slots stay what they are; Plan::order tells in which order their code stands.
//
// Proved by: tests/jit/layout_test.cpp.
#pragma once

#include "skep/run/jit/plan.hpp"

namespace skep::run::jit {

// Precondition: functions are known and each ends with a goto or an exit; jumps go to slots where
// instructions begin, of the same function. Answers whether something is gained, else it leaves the
// plan alone.
bool lay_out(Plan& plan);

} // namespace skep::run::jit
