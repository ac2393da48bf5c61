// SPDX-License-Identifier: Apache-2.0
//
// Lift: from a verified program to LLVM IR.
//
// Every function of the program becomes a function (r1..r5, invocation) -> i64, internal to the
// module; around the first stands `skep_entry` (context, invocation), and `skep_call_back` is what
// Invocation::call_back becomes, by the entry or by whoever calls that. Each function's BPF stack
// is memory of its own. Registers are numbers or addresses as kinds.hpp found, so that what the
// optimiser sees is typed; accesses carry alias scopes by the region that the verifier proved.
//
// The IR holds no address. What it refers to outside (maps, helpers, routines of the engine) is
// read from `skep_bindings`, a table of addresses that whoever places the code fills in: entry i
// stands for bindings[i] of the answer.
//
// Nothing here is undefined in LLVM's sense that was not proved: shifts are masked, divisors
// tested, sums wrap, and what may be uninitialised (the stack) or change under our hands (values of
// maps) is frozen when it is read.
//
// Limits: kernel functions, per-process addresses in wide immediates: refused with a word.
//
// Proved by: tests/engines, tests/conformance (the tier runs what every engine runs).
#pragma once

#include <memory>
#include <vector>

#include <llvm/IR/Module.h>

#include "skep/base/result.hpp"
#include "skep/run/jit/image.hpp"
#include "skep/run/jit/target.hpp"
#include "skep/verify/verified_program.hpp"

namespace skep::optimise {

inline constexpr const char* kEntryName = "skep_entry";
inline constexpr const char* kCallBackName = "skep_call_back";
inline constexpr const char* kBindingsName = "skep_bindings";

struct LiftInput {
    const verify::VerifiedProgram& program;
    std::span<const run::jit::MapShape> shapes; // by map index; may be empty: nothing is known
    bool with_lines = false;                    // says for each instruction which it is (lines.hpp)
    // The entry sets in the invocation what the program needs there: budget, way back from helpers.
    bool begins_runs = false;
};

struct Lifted {
    std::unique_ptr<llvm::Module> module;
    std::vector<run::jit::Relocation> bindings; // by place in the table; offsets are not set
};

Result<Lifted> lift(const LiftInput& input, llvm::LLVMContext& context);

} // namespace skep::optimise
