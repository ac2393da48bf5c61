// SPDX-License-Identifier: Apache-2.0
#include "skep/optimise/machine.hpp"

#include <fmt/format.h>
#include <llvm/ADT/StringMap.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/SubtargetFeature.h>
#include <llvm/TargetParser/Triple.h>

#include "skep/optimise/versions.hpp"

namespace skep::optimise {
namespace {

// What InstCombine does to negate whole sums (its Negator) has no end for some programs: it undoes
// what it did, again and again, and memory grows. Nothing measured here gains by it.
void leave_negations_alone() {
    constexpr llvm::StringRef kOption = "instcombine-negator-enabled";
    auto& options = llvm::cl::getRegisteredOptions();
    const auto found = options.find(kOption);
    if (found != options.end()) {
        found->second->addOccurrence(0, kOption, "false");
    }
}

void register_targets() {
    static const bool done = [] {
        LLVMInitializeX86TargetInfo();
        LLVMInitializeX86Target();
        LLVMInitializeX86TargetMC();
        LLVMInitializeX86AsmPrinter();
        LLVMInitializeAArch64TargetInfo();
        LLVMInitializeAArch64Target();
        LLVMInitializeAArch64TargetMC();
        LLVMInitializeAArch64AsmPrinter();
        leave_negations_alone();
        return true;
    }();
    (void)done;
}

// What the host has and its CPU's name does not say, or says and it lacks; in this order, since
// what goes takes with it what builds on it. LLVM follows what each feature implies by going
// through all of them: told a hundred of which the CPU's name says nearly all, it takes half a
// millisecond.
std::string unusual_features(const std::string& triple, const std::string& cpu) {
    std::string why;
    const auto usual = make_subtarget(triple, cpu, why);
    llvm::StringMap<bool> said;
    if (usual != nullptr) {
        for (const llvm::SubtargetFeatureKV& one : usual->getAllProcessorFeatures()) {
            said[one.Key] = usual->getFeatureBits()[one.Value];
        }
    }
    llvm::SubtargetFeatures features;
    const llvm::StringMap<bool> host_has = llvm::sys::getHostCPUFeatures();
    for (const bool has : {true, false}) {
        for (const auto& feature : host_has) {
            const auto known = said.find(feature.getKey());
            if (feature.getValue() == has && (known == said.end() || known->getValue() != has)) {
                features.AddFeature(feature.getKey(), has);
            }
        }
    }
    return features.getString();
}

// What runs this. Asked for once: a virtual machine takes a third of a millisecond to answer.
struct Host {
    std::string triple = llvm::sys::getProcessTriple();
    std::string cpu = llvm::sys::getHostCPUName().str();
    std::string features = unusual_features(triple, cpu);
};

const Host& host() {
    register_targets();
    static const Host once;
    return once;
}

} // namespace

std::string host_description() {
    return fmt::format("{} {} {}", host().triple, host().cpu, host().features);
}

Result<std::unique_ptr<llvm::TargetMachine>> make_machine(const MachineChoice& choice) {
    register_targets();
    const bool is_host = choice.triple.empty();
    const std::string name = is_host ? host().triple : choice.triple;
    std::string why;
    const bool native = is_host && choice.cpu.empty();
    const std::string cpu = native ? host().cpu : choice.cpu;
    const std::string features =
        native && choice.features.empty() ? host().features : choice.features;
    const llvm::Triple triple(name);
    // What is not known is where the page boundaries of the place will lie: the tiny model of arm64
    // counts from the instruction alone.
    const auto model =
        triple.isAArch64() && choice.near_code ? llvm::CodeModel::Tiny : llvm::CodeModel::Small;
    auto machine = make_target_machine({triple, cpu, features, model, choice.effort}, why);
    if (machine == nullptr) {
        return fail(Code::unsupported,
                    fmt::format("LLVM does not compile for '{}': {}", name, why));
    }
    return machine;
}

} // namespace skep::optimise
