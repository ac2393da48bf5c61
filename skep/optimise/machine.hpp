// SPDX-License-Identifier: Apache-2.0
//
// Which machine code is made for.
#pragma once

#include <memory>
#include <string>

#include <llvm/Target/TargetMachine.h>

#include "skep/base/result.hpp"

namespace skep::optimise {

struct MachineChoice {
    std::string triple;   // empty: the host's
    std::string cpu;      // empty: the host's when the triple is the host's, else any of its kind
    std::string features; // as LLVM writes them; empty with an empty cpu: the host's
    llvm::CodeGenOptLevel effort = llvm::CodeGenOptLevel::Default;
    bool near_code = true; // code that lies in one piece with what it refers to, wherever that is
};

// Position-independent code. Fails when this LLVM does not know the machine.
Result<std::unique_ptr<llvm::TargetMachine>> make_machine(const MachineChoice& choice);

// As it goes into the key of a cache: triple, CPU and features of the host.
std::string host_description();

} // namespace skep::optimise
