// SPDX-License-Identifier: Apache-2.0
#include "skep/optimise/versions.hpp"

#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/ModRef.h>

namespace skep::optimise {

#if LLVM_VERSION_MAJOR < 22 // later ones know the size
void begin_lifetime(llvm::IRBuilder<>& builder, llvm::AllocaInst* local, std::uint64_t size_bytes) {
    builder.CreateLifetimeStart(local, builder.getInt64(size_bytes));
}

void end_lifetime(llvm::IRBuilder<>& builder, llvm::AllocaInst* local, std::uint64_t size_bytes) {
    builder.CreateLifetimeEnd(local, builder.getInt64(size_bytes));
}
#else
void begin_lifetime(llvm::IRBuilder<>& builder, llvm::AllocaInst* local, std::uint64_t) {
    builder.CreateLifetimeStart(local);
}

void end_lifetime(llvm::IRBuilder<>& builder, llvm::AllocaInst* local, std::uint64_t) {
    builder.CreateLifetimeEnd(local);
}
#endif

void add_no_capture(llvm::CallInst& call, unsigned argument) {
#if LLVM_VERSION_MAJOR < 21
    call.addParamAttr(argument, llvm::Attribute::NoCapture);
#else
    call.addParamAttr(argument, llvm::Attribute::getWithCaptureInfo(call.getContext(),
                                                                    llvm::CaptureInfo::none()));
#endif
}

void set_target(llvm::Module& module, const llvm::TargetMachine& machine) {
    module.setDataLayout(machine.createDataLayout());
#if LLVM_VERSION_MAJOR < 21
    module.setTargetTriple(machine.getTargetTriple().str());
#else
    module.setTargetTriple(machine.getTargetTriple());
#endif
}

namespace {

const llvm::Target* find_target(const llvm::Triple& triple, std::string& why) {
#if LLVM_VERSION_MAJOR < 22
    return llvm::TargetRegistry::lookupTarget(triple.str(), why);
#else
    return llvm::TargetRegistry::lookupTarget(triple, why);
#endif
}

} // namespace

std::unique_ptr<llvm::MCSubtargetInfo> make_subtarget(const std::string& triple,
                                                      llvm::StringRef cpu, std::string& why) {
    const llvm::Triple parsed(triple);
    const llvm::Target* target = find_target(parsed, why);
    if (target == nullptr) {
        return nullptr;
    }
#if LLVM_VERSION_MAJOR < 22
    return std::unique_ptr<llvm::MCSubtargetInfo>(target->createMCSubtargetInfo(triple, cpu, ""));
#else
    return std::unique_ptr<llvm::MCSubtargetInfo>(target->createMCSubtargetInfo(parsed, cpu, ""));
#endif
}

std::unique_ptr<llvm::TargetMachine> make_target_machine(const TargetChoice& choice,
                                                         std::string& why) {
    const llvm::Target* target = find_target(choice.triple, why);
    if (target == nullptr) {
        return nullptr;
    }
#if LLVM_VERSION_MAJOR < 21
    const std::string& triple = choice.triple.str();
#else
    const llvm::Triple& triple = choice.triple;
#endif
    std::unique_ptr<llvm::TargetMachine> machine(
        target->createTargetMachine(triple, choice.cpu, choice.features, llvm::TargetOptions(),
                                    llvm::Reloc::PIC_, choice.model, choice.effort));
    if (machine == nullptr) {
        why = "no code can be made for it";
    }
    return machine;
}

} // namespace skep::optimise
