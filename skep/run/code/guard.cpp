// SPDX-License-Identifier: Apache-2.0
//
// The entry is written in assembly because its frame must be known exactly to the handler.
#include "skep/run/code/guard.hpp"

#include <cstddef>

#include "skep/os/guard/faults.hpp"
#include "skep/os/guard/guarded_copy.hpp"
#include "skep/run/code/code_table.hpp"

#if defined(__x86_64__)
// rdi: the code, whose entry comes first, rsi: r1, rdx: invocation, rcx: where to note the stack.
// Registers that optimised code saves itself, and has put back when it returns, must be saved here
// for when it does not. What the handler looks at is pushed last: where the run ends, then the
// code. A run that returns has no need of what was saved, and steps over it.
asm(R"(
    .text
    .globl  skep_enter_guarded
    .hidden skep_enter_guarded, skep_enter_guarded_fault, skep_optimised_run
    .type   skep_enter_guarded, @function
    .p2align 5
skep_enter_guarded:
    .cfi_startproc
    push    %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbp, 0
    push    %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbx, 0
    push    %r12
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r12, 0
    push    %r13
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r13, 0
    push    %r14
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r14, 0
    push    %r15
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r15, 0
    mov     skep_optimised_run@gottpoff(%rip), %rax
    push    %fs:(%rax)
    .cfi_adjust_cfa_offset 8
    push    %rcx
    .cfi_adjust_cfa_offset 8
    push    %rdi
    .cfi_adjust_cfa_offset 8
    lea     skep_enter_guarded_fault(%rip), %r8
    push    %r8
    .cfi_adjust_cfa_offset 8
    mov     %rsp, (%rcx)
    mov     %rdx, %fs:(%rax)
    sub     $8, %rsp
    .cfi_adjust_cfa_offset 8
    mov     %rdi, %rax
    mov     %rsi, %rdi
    mov     %rdx, %rsi
    call    *(%rax)
    mov     skep_optimised_run@gottpoff(%rip), %rdx
    mov     32(%rsp), %rsi
    mov     24(%rsp), %rcx
    mov     %rsi, %fs:(%rdx)
    movq    $0, (%rcx)
    add     $88, %rsp
    .cfi_adjust_cfa_offset -88
    ret
    .cfi_adjust_cfa_offset 80
    .globl  skep_enter_guarded_fault
skep_enter_guarded_fault:
    mov     skep_optimised_run@gottpoff(%rip), %rdx
    mov     16(%rsp), %rcx
    movq    $0, (%rcx)
    add     $24, %rsp
    .cfi_adjust_cfa_offset -24
    pop     %fs:(%rdx)
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

// The same for code that keeps registers: nothing is saved but what the handler looks at, and the
// run around this one.
asm(R"(
    .text
    .globl  skep_enter_keeping
    .hidden skep_enter_keeping, skep_enter_keeping_fault
    .type   skep_enter_keeping, @function
    .p2align 5
skep_enter_keeping:
    .cfi_startproc
    mov     skep_optimised_run@gottpoff(%rip), %rax
    push    %fs:(%rax)
    .cfi_adjust_cfa_offset 8
    push    %rcx
    .cfi_adjust_cfa_offset 8
    push    %rdi
    .cfi_adjust_cfa_offset 8
    lea     skep_enter_keeping_fault(%rip), %r8
    push    %r8
    .cfi_adjust_cfa_offset 8
    mov     %rsp, (%rcx)
    mov     %rdx, %fs:(%rax)
    sub     $8, %rsp
    .cfi_adjust_cfa_offset 8
    mov     %rdi, %rax
    mov     %rsi, %rdi
    mov     %rdx, %rsi
    call    *(%rax)
    add     $8, %rsp
    .cfi_adjust_cfa_offset -8
    .globl  skep_enter_keeping_fault
skep_enter_keeping_fault:
    mov     skep_optimised_run@gottpoff(%rip), %rdx
    mov     16(%rsp), %rcx
    movq    $0, (%rcx)
    add     $24, %rsp
    .cfi_adjust_cfa_offset -24
    pop     %fs:(%rdx)
    .cfi_adjust_cfa_offset -8
    ret
    .cfi_endproc
    .size   skep_enter_keeping, . - skep_enter_keeping
)");
#elif defined(__aarch64__)
// x0: entry, x1: r1, x2: invocation, x3: the code, x4: where to note the stack.
asm(R"(
    .text
    .globl  skep_enter_guarded
    .hidden skep_enter_guarded, skep_enter_guarded_return
    .type   skep_enter_guarded, %function
skep_enter_guarded:
    stp     x29, x30, [sp, #-192]!
    adr     x9, skep_enter_guarded_return
    stp     x9, x3, [sp, #16]
    stp     x19, x20, [sp, #32]
    stp     x21, x22, [sp, #48]
    stp     x23, x24, [sp, #64]
    stp     x25, x26, [sp, #80]
    stp     x27, x28, [sp, #96]
    stp     d8, d9, [sp, #112]
    stp     d10, d11, [sp, #128]
    stp     d12, d13, [sp, #144]
    stp     d14, d15, [sp, #160]
    str     x4, [sp, #176]
    mov     x9, sp
    str     x9, [x4]
    mov     x9, x0
    mov     x0, x1
    mov     x1, x2
    blr     x9
    .globl  skep_enter_guarded_return
skep_enter_guarded_return:
    ldr     x4, [sp, #176]
    str     xzr, [x4]
    ldp     d14, d15, [sp, #160]
    ldp     d12, d13, [sp, #144]
    ldp     d10, d11, [sp, #128]
    ldp     d8, d9, [sp, #112]
    ldp     x27, x28, [sp, #96]
    ldp     x25, x26, [sp, #80]
    ldp     x23, x24, [sp, #64]
    ldp     x21, x22, [sp, #48]
    ldp     x19, x20, [sp, #32]
    ldp     x29, x30, [sp], #192
    ret
    .size   skep_enter_guarded, . - skep_enter_guarded
)");
#endif

#if defined(__x86_64__) || defined(__aarch64__)
extern "C" {
#if defined(__x86_64__)
std::uint64_t skep_enter_guarded(const void* code, void* r1, void* invocation, void** stack);
std::uint64_t skep_enter_keeping(const void* code, void* r1, void* invocation, void** stack);
extern const char skep_enter_guarded_fault[]; // NOLINT: a label, spelled as above
extern const char skep_enter_keeping_fault[]; // NOLINT: a label, spelled as above
#else
std::uint64_t skep_enter_guarded(std::uintptr_t entry, void* r1, void* invocation, const void* code,
                                 void** stack);
extern const char skep_enter_guarded_return[]; // NOLINT: a label, spelled as above
#endif
// Of the innermost run of optimised code on this thread. Written before such code is entered, and
// so there when it faults. At a fixed distance from the thread's own address, so that nobody is
// asked for its place.
// NOLINTBEGIN: a signal handler is given nothing else, and assembly finds it by name
[[gnu::tls_model("initial-exec"),
  gnu::visibility("hidden")]] constinit thread_local skep::helpers::Invocation* skep_optimised_run =
    nullptr;
// NOLINTEND
}
#endif

namespace skep::run::code {

#if defined(__x86_64__) || defined(__aarch64__)
namespace {

constinit thread_local Fault fault; // NOLINT: a signal handler has no other way to tell it

// What lies at the end of the stack that an invocation's `engine` holds.
struct RunEnd {
    std::uintptr_t instruction;
    const OptimisedCode* code; // of runs of optimised code
};

const RunEnd& end_of_run(const helpers::Invocation& invocation) {
    const auto stack = reinterpret_cast<std::uintptr_t>(invocation.engine); // NOLINT: an address
    return *reinterpret_cast<const RunEnd*>(stack + kRunEndSlot);           // NOLINT: see above
}

bool ends_optimised_code(std::uintptr_t instruction) {
    const auto is = [instruction](const char* label) {
        return instruction == reinterpret_cast<std::uintptr_t>(label); // NOLINT: an address
    };
#if defined(__x86_64__)
    return is(&skep_enter_keeping_fault[0]) || is(&skep_enter_guarded_fault[0]);
#else
    return is(&skep_enter_guarded_return[0]);
#endif
}

// The run whose optimised code this is; null when it is no such code.
helpers::Invocation* run_of_optimised(std::uintptr_t instruction) {
    if (skep_optimised_run == nullptr || skep_optimised_run->engine == nullptr) {
        return nullptr;
    }
    const RunEnd& end = end_of_run(*skep_optimised_run);
    if (!ends_optimised_code(end.instruction)) {
        return nullptr; // one-pass code inside it
    }
    const auto begin = reinterpret_cast<std::uintptr_t>(end.code->bytes.data());
    return instruction - begin < end.code->bytes.size() ? skep_optimised_run : nullptr;
}

// False when the run had not begun: there is nowhere to end it.
bool end_run_of(helpers::Invocation& invocation, os::MachineState& state) {
    if (invocation.engine == nullptr) {
        return false;
    }
    ++invocation.faults;
    const auto stack = reinterpret_cast<std::uintptr_t>(invocation.engine); // NOLINT: an address
    state.resume_at(end_of_run(invocation).instruction, stack, 0);
    return true;
}

// Whether the fault was one of generated code, whose run then goes on at its end.
bool end_run(os::MachineState& state, int signal, siginfo_t* info) {
    if (!code_table().holds(state.instruction())) {
        return false;
    }
    const Fault found{state.instruction(),
                      reinterpret_cast<std::uintptr_t>(info->si_addr), // NOLINT: what was not there
                      signal};
    helpers::Invocation* run = run_of_optimised(state.instruction());
    if (run == nullptr) {
        run = reinterpret_cast<helpers::Invocation*>(state.anchor()); // NOLINT: see guard.hpp
    }
    if (!end_run_of(*run, state)) {
        return false;
    }
    fault = found;
    return true;
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

#if defined(__x86_64__)
std::uint64_t enter_optimised(const OptimisedCode& code, void* r1,
                              helpers::Invocation& invocation) {
    static_assert(offsetof(OptimisedCode, entry) == 0); // the assembly reads it
    if (code.keeps_registers) {
        return skep_enter_keeping(&code, r1, &invocation, &invocation.engine);
    }
    return skep_enter_guarded(&code, r1, &invocation, &invocation.engine);
}
#else
std::uint64_t enter_optimised(const OptimisedCode& code, void* r1,
                              helpers::Invocation& invocation) {
    helpers::Invocation* const outer = skep_optimised_run;
    skep_optimised_run = &invocation;
    const std::uint64_t result =
        skep_enter_guarded(code.entry, r1, &invocation, &code, &invocation.engine);
    skep_optimised_run = outer;
    return result;
}
#endif

Fault last_fault() { return fault; }
#else
Result<void> install_fault_handlers() { return {}; } // nothing is generated on this machine

std::uint64_t enter_optimised(const OptimisedCode&, void*, helpers::Invocation&) { return 0; }

Fault last_fault() { return {}; }
#endif

} // namespace skep::run::code
