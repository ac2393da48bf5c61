// SPDX-License-Identifier: Apache-2.0
#include "skep/os/guard/faults.hpp"

#include <cerrno>
#include <cstring>

#include <ucontext.h>

namespace skep::os {
namespace {

constexpr std::size_t kAlternateStackBytes = 64U << 10; // room for a chained handler too

std::size_t position_of(int signal) {
    std::size_t position = 0;
    while (position + 1 < kFaultSignals.size() && kFaultSignals[position] != signal) {
        ++position;
    }
    return position;
}

} // namespace

Result<void> install_fault_handler(FaultHandler handler, PreviousHandlers& previous) {
    for (std::size_t i = 0; i < kFaultSignals.size(); ++i) {
        struct sigaction action {};
        action.sa_sigaction = handler;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        sigemptyset(&action.sa_mask);
        // The old action is kept first: a fault may come the moment ours is in place.
        if (::sigaction(kFaultSignals[i], nullptr, &previous[i]) != 0 ||
            ::sigaction(kFaultSignals[i], &action, nullptr) != 0) {
            return error_from_errno(errno, "installing the handler of faults");
        }
    }
    return {};
}

void pass_fault_on(const PreviousHandlers& previous, int signal, siginfo_t* info, void* machine) {
    const struct sigaction& before = previous[position_of(signal)];
    if ((before.sa_flags & SA_SIGINFO) != 0 && before.sa_sigaction != nullptr) {
        before.sa_sigaction(signal, info, machine);
        return;
    }
    if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        before.sa_handler(signal);
        return;
    }
    // A fault cannot be ignored, so SIG_IGN is as the default. A signal that was sent rather than
    // raised by an instruction would not come again by itself.
    std::signal(signal, SIG_DFL);
    if (info->si_code <= 0) {
        static_cast<void>(std::raise(signal));
    }
}

#if defined(__x86_64__)
std::uintptr_t MachineState::instruction() const {
    return static_cast<std::uintptr_t>(
        static_cast<ucontext_t*>(machine_)->uc_mcontext.gregs[REG_RIP]);
}
std::uintptr_t MachineState::anchor() const {
    return static_cast<std::uintptr_t>(
        static_cast<ucontext_t*>(machine_)->uc_mcontext.gregs[REG_R12]);
}
void MachineState::resume_at(std::uintptr_t instruction, std::uintptr_t stack,
                             std::uint64_t result) {
    auto& registers = static_cast<ucontext_t*>(machine_)->uc_mcontext.gregs;
    constexpr greg_t kDirectionFlag = 0x400;
    registers[REG_RIP] = static_cast<greg_t>(instruction);
    registers[REG_RSP] = static_cast<greg_t>(stack);
    registers[REG_RAX] = static_cast<greg_t>(result);
    registers[REG_EFL] &= ~kDirectionFlag;
}
void MachineState::resume_at(std::uintptr_t instruction) {
    static_cast<ucontext_t*>(machine_)->uc_mcontext.gregs[REG_RIP] =
        static_cast<greg_t>(instruction);
}
#elif defined(__aarch64__)
std::uintptr_t MachineState::instruction() const {
    return static_cast<ucontext_t*>(machine_)->uc_mcontext.pc;
}
std::uintptr_t MachineState::anchor() const {
    return static_cast<ucontext_t*>(machine_)->uc_mcontext.regs[25];
}
void MachineState::resume_at(std::uintptr_t instruction, std::uintptr_t stack,
                             std::uint64_t result) {
    auto& context = static_cast<ucontext_t*>(machine_)->uc_mcontext;
    context.pc = instruction;
    context.sp = stack;
    context.regs[0] = result;
}
void MachineState::resume_at(std::uintptr_t instruction) {
    static_cast<ucontext_t*>(machine_)->uc_mcontext.pc = instruction;
}
#else
// No code generator for this machine, so no registered code either.
std::uintptr_t MachineState::instruction() const { return 0; }
std::uintptr_t MachineState::anchor() const { return 0; }
void MachineState::resume_at(std::uintptr_t, std::uintptr_t, std::uint64_t) {}
void MachineState::resume_at(std::uintptr_t) {}
#endif

Result<AlternateStack> AlternateStack::install() {
    AlternateStack stack;
    stack_t present{};
    if (::sigaltstack(nullptr, &present) == 0 && (present.ss_flags & SS_DISABLE) == 0) {
        return stack;
    }
    stack.memory_ = TRY(Mapping::anonymous(kAlternateStackBytes));
    stack_t wanted{};
    wanted.ss_sp = stack.memory_.data();
    wanted.ss_size = stack.memory_.size();
    if (::sigaltstack(&wanted, nullptr) != 0) {
        return error_from_errno(errno, "installing a stack for signals");
    }
    return stack;
}

AlternateStack::~AlternateStack() {
    if (memory_.is_mapped()) {
        stack_t off{};
        off.ss_flags = SS_DISABLE;
        static_cast<void>(::sigaltstack(&off, nullptr));
    }
}

} // namespace skep::os
