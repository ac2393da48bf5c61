// SPDX-License-Identifier: Apache-2.0
//
// The entry is written in assembly because its frame must be known exactly to the handler.
#include "skep/run/code/guard.hpp"

#include "skep/os/guard/faults.hpp"
#include "skep/os/guard/guarded_copy.hpp"
#include "skep/run/code/code_table.hpp"

#if defined(__x86_64__)
// rdi: code, rsi: r1, rdx: invocation, rcx: where to note the stack. Registers that optimised code
// saves itself, and has put back when it returns, must be saved here for when it does not.
asm(R"(
    .text
    .globl  skep_enter_guarded
    .hidden skep_enter_guarded, skep_enter_guarded_return
    .type   skep_enter_guarded, @function
skep_enter_guarded:
    .cfi_startproc
    push    %rbp
    .cfi_adjust_cfa_offset 8
    push    %rbx
    .cfi_adjust_cfa_offset 8
    push    %r12
    .cfi_adjust_cfa_offset 8
    push    %r13
    .cfi_adjust_cfa_offset 8
    push    %r14
    .cfi_adjust_cfa_offset 8
    push    %r15
    .cfi_adjust_cfa_offset 8
    sub     $8, %rsp
    .cfi_adjust_cfa_offset 8
    mov     %rsp, (%rcx)
    mov     %rdi, %rax
    mov     %rsi, %rdi
    mov     %rdx, %r12
    mov     %rdx, %rsi
    call    *%rax
    .globl  skep_enter_guarded_return
skep_enter_guarded_return:
    add     $8, %rsp
    .cfi_adjust_cfa_offset -8
    pop     %r15
    .cfi_adjust_cfa_offset -8
    pop     %r14
    .cfi_adjust_cfa_offset -8
    pop     %r13
    .cfi_adjust_cfa_offset -8
    pop     %r12
    .cfi_adjust_cfa_offset -8
    pop     %rbx
    .cfi_adjust_cfa_offset -8
    pop     %rbp
    .cfi_adjust_cfa_offset -8
    ret
    .cfi_endproc
    .size   skep_enter_guarded, . - skep_enter_guarded
)");
#elif defined(__aarch64__)
// x0: code, x1: r1, x2: invocation, x3: where to note the stack.
asm(R"(
    .text
    .globl  skep_enter_guarded
    .hidden skep_enter_guarded, skep_enter_guarded_return
    .type   skep_enter_guarded, %function
skep_enter_guarded:
    stp     x29, x30, [sp, #-96]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    mov     x9, sp
    str     x9, [x3]
    mov     x9, x0
    mov     x0, x1
    mov     x25, x2
    mov     x1, x2
    blr     x9
    .globl  skep_enter_guarded_return
skep_enter_guarded_return:
    ldp     x27, x28, [sp, #80]
    ldp     x25, x26, [sp, #64]
    ldp     x23, x24, [sp, #48]
    ldp     x21, x22, [sp, #32]
    ldp     x19, x20, [sp, #16]
    ldp     x29, x30, [sp], #96
    ret
    .size   skep_enter_guarded, . - skep_enter_guarded
)");
#endif

#if defined(__x86_64__) || defined(__aarch64__)
extern "C" {
std::uint64_t skep_enter_guarded(std::uintptr_t code, void* r1, void* invocation,
                                 std::uintptr_t* stack);
extern const char skep_enter_guarded_return[]; // NOLINT: a label, spelled as above
}
#endif

namespace skep::run::code {

#if defined(__x86_64__) || defined(__aarch64__)
namespace {

// The innermost run of optimised code on this thread, and which code that is. Written before such
// code is entered, and so there when it faults.
struct OptimisedRun {
    Bytes code;
    GuardFrame* frame = nullptr;
};
constinit thread_local OptimisedRun optimised_run; // NOLINT: what a signal handler is given

GuardFrame* frame_of_optimised(std::uintptr_t instruction) {
    const auto begin = reinterpret_cast<std::uintptr_t>(optimised_run.code.data());
    return instruction - begin < optimised_run.code.size() ? optimised_run.frame : nullptr;
}

// False when the run had not begun: there is nowhere to end it.
bool end_anchored_run(os::MachineState& state) {
    auto& invocation = *reinterpret_cast<helpers::Invocation*>(state.anchor());
    if (invocation.engine == nullptr) {
        return false;
    }
    ++invocation.faults;
    const auto stack = reinterpret_cast<std::uintptr_t>(invocation.engine); // NOLINT: an address
    const auto* run_end = reinterpret_cast<const std::uintptr_t*>(stack + kRunEndSlot);
    state.resume_at(*run_end, stack, 0);
    return true;
}

void end_optimised_run(GuardFrame& frame, os::MachineState& state, int signal, siginfo_t* info) {
    frame.instruction = state.instruction();
    frame.address = reinterpret_cast<std::uintptr_t>(info->si_addr); // NOLINT: what was not there
    frame.signal = signal;
    state.resume_at(reinterpret_cast<std::uintptr_t>(&skep_enter_guarded_return[0]), frame.stack,
                    0);
}

// Whether the fault was one of generated code, whose run then goes on at its end.
bool end_run(os::MachineState& state, int signal, siginfo_t* info) {
    if (!code_table().holds(state.instruction())) {
        return false;
    }
    if (GuardFrame* frame = frame_of_optimised(state.instruction())) {
        end_optimised_run(*frame, state, signal, info);
        return true;
    }
    return end_anchored_run(state);
}

void on_fault(int signal, siginfo_t* info, void* machine) {
    os::MachineState state(machine);
    const std::uintptr_t at = state.instruction();
    const os::GuardedCopyBounds copy = os::guarded_copy_bounds();
    // What somebody sent may arrive anywhere, also where the anchor is not set.
    const bool was_raised = info->si_code > 0;
    if (was_raised && end_run(state, signal, info)) {
        return;
    }
    if (was_raised && at >= copy.begin && at < copy.end) {
        state.resume_at(copy.failed);
        return;
    }
    os::pass_fault_on(code_table().previous_handlers, signal, info, machine);
}

} // namespace

Result<void> install_fault_handlers() {
    CodeTable& table = code_table();
    const std::lock_guard lock(table.mutex);
    if (table.handles_faults.load()) {
        return {};
    }
    TRY(os::install_fault_handler(on_fault, table.previous_handlers));
    table.handles_faults.store(true);
    return {};
}

std::uint64_t enter_optimised(std::uintptr_t entry, void* r1, helpers::Invocation& invocation,
                              Bytes code, GuardFrame& frame) {
    const OptimisedRun outer = optimised_run;
    optimised_run = {code, &frame};
    const std::uint64_t result = skep_enter_guarded(entry, r1, &invocation, &frame.stack);
    optimised_run = outer;
    return result;
}
#else
Result<void> install_fault_handlers() { return {}; } // nothing is generated on this machine

std::uint64_t enter_optimised(std::uintptr_t, void*, helpers::Invocation&, Bytes, GuardFrame&) {
    return 0;
}
#endif

} // namespace skep::run::code
