// SPDX-License-Identifier: Apache-2.0
//
// What LLVM 19 and its later versions spell differently, up to 22: the only place that asks which
// one this is built with.
#pragma once

#include <memory>

#include <llvm/ADT/StringRef.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/Support/CodeGen.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Triple.h>

namespace skep::optimise {

inline constexpr bool kMakesVectorsOfSwitches = LLVM_VERSION_MAJOR >= 20;

// The memory of `local`, `size_bytes` large, holds something from here on, or nothing any more.
void begin_lifetime(llvm::IRBuilder<>& builder, llvm::AllocaInst* local, std::uint64_t size_bytes);
void end_lifetime(llvm::IRBuilder<>& builder, llvm::AllocaInst* local, std::uint64_t size_bytes);

// The callee keeps no copy of the address that it is given as this argument.
void add_no_capture(llvm::CallInst& call, unsigned argument);

// The layout of data and the triple of the machine that the module is compiled for.
void set_target(llvm::Module& module, const llvm::TargetMachine& machine);

// What code is made for, in LLVM's words.
struct TargetChoice {
    llvm::Triple triple;
    llvm::StringRef cpu;
    llvm::StringRef features;
    llvm::CodeModel::Model model;
    llvm::CodeGenOptLevel effort;
};

// Both are null, with LLVM's reason in `why`, when this LLVM does not know the machine. The first
// is what the CPU's name alone says.
std::unique_ptr<llvm::MCSubtargetInfo> make_subtarget(const std::string& triple,
                                                      llvm::StringRef cpu, std::string& why);
std::unique_ptr<llvm::TargetMachine> make_target_machine(const TargetChoice& choice,
                                                         std::string& why);

} // namespace skep::optimise
