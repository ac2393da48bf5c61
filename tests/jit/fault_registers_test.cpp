// SPDX-License-Identifier: Apache-2.0
//
// One-pass code keeps itself what a C function keeps: whichever way a run ends, its caller finds
// its registers as they were. The call is written in assembly, to know what they were.
#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/helpers/invocation.hpp"
#include "skep/maps/map.hpp"
#include "skep/run/code/guard.hpp"
#include "skep/run/executable.hpp"
#include "skep/run/optimised/optimiser.hpp"
#include "tests/support/engines.hpp"
#include "tests/support/unchecked.hpp"

// Calls function(argument) with numbers in all registers that a C function keeps; 1 when they are
// there afterwards.
#if defined(__x86_64__)
asm(R"(
    .text
    .globl  skep_test_keeps_registers
    .hidden skep_test_keeps_registers
skep_test_keeps_registers:
    push    %rbx
    push    %rbp
    push    %r12
    push    %r13
    push    %r14
    push    %r15
    sub     $8, %rsp
    mov     %rdi, %rax
    mov     %rsi, %rdi
    mov     $11, %ebx
    mov     $12, %ebp
    mov     $13, %r12d
    mov     $14, %r13d
    mov     $15, %r14d
    mov     $16, %r15d
    call    *%rax
    sub     $11, %rbx
    sub     $12, %rbp
    sub     $13, %r12
    sub     $14, %r13
    sub     $15, %r14
    sub     $16, %r15
    or      %rbp, %rbx
    or      %r12, %rbx
    or      %r13, %rbx
    or      %r14, %rbx
    or      %r15, %rbx
    xor     %eax, %eax
    test    %rbx, %rbx
    sete    %al
    add     $8, %rsp
    pop     %r15
    pop     %r14
    pop     %r13
    pop     %r12
    pop     %rbp
    pop     %rbx
    ret
)");
#elif defined(__aarch64__)
asm(R"(
    .text
    .globl  skep_test_keeps_registers
    .hidden skep_test_keeps_registers
skep_test_keeps_registers:
    stp     x29, x30, [sp, #-96]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    mov     x9, x0
    mov     x0, x1
    mov     x19, #11
    mov     x20, #12
    mov     x21, #13
    mov     x22, #14
    mov     x25, #15
    mov     x29, #16
    blr     x9
    sub     x19, x19, #11
    sub     x20, x20, #12
    sub     x21, x21, #13
    sub     x22, x22, #14
    sub     x25, x25, #15
    sub     x29, x29, #16
    orr     x19, x19, x20
    orr     x19, x19, x21
    orr     x19, x19, x22
    orr     x19, x19, x25
    orr     x19, x19, x29
    cmp     x19, #0
    cset    x0, eq
    ldp     x27, x28, [sp, #80]
    ldp     x25, x26, [sp, #64]
    ldp     x23, x24, [sp, #48]
    ldp     x21, x22, [sp, #32]
    ldp     x19, x20, [sp, #16]
    ldp     x29, x30, [sp], #96
    ret
)");
#endif

#if defined(__x86_64__) || defined(__aarch64__)
extern "C" std::uint64_t skep_test_keeps_registers(void (*function)(void*), void* argument);

namespace skep::tests {
namespace {

struct Subject {
    run::Executable* executable = nullptr;
    helpers::Invocation invocation;
    std::uint64_t answer = 0;
};

void run_subject(void* argument) {
    auto& subject = *static_cast<Subject*>(argument);
    subject.answer = subject.executable->run(nullptr, subject.invocation);
}

std::unique_ptr<run::Executable> made(std::string_view text, UncheckedOptions options = {},
                                      const run::Binding& binding = {},
                                      MakeExecutable make = run::make_jit) {
    auto assembled = assemble(text);
    EXPECT_TRUE(assembled.ok()) << assembled.error().message;
    auto executable = make(unchecked(assembled->insns, std::move(options)), binding);
    EXPECT_TRUE(executable.ok());
    return std::move(*executable);
}

std::unique_ptr<run::Executable> made_optimised(std::string_view text) {
    return made(text, {}, {}, run::make_optimised);
}

struct Registers : testing::Test {
    void SetUp() override { ASSERT_TRUE(run::code::install_fault_handlers().ok()); }

    // Twice: what a run leaves must not disturb the next.
    void expect_kept(run::Executable& executable, std::uint64_t answer, std::uint32_t faults) {
        subject.invocation.faults = 0;
        for (std::uint32_t run = 1; run <= 2; ++run) {
            subject.executable = &executable;
            EXPECT_EQ(skep_test_keeps_registers(run_subject, &subject), 1U);
            EXPECT_EQ(subject.answer, answer);
            EXPECT_EQ(subject.invocation.faults, faults * run);
            EXPECT_EQ(subject.invocation.engine, nullptr);
        }
    }

    Subject subject;
};

constexpr const char* kSpoils = "r6 = 1\nr7 = 2\nr8 = 3\nr9 = 4\n*(u64 *)(r10 - 8) = 5\n";
constexpr const char* kFaults = "r1 = 64\nr0 = *(u64 *)(r1 + 0)\n";

std::string all(std::initializer_list<const char*> parts) {
    std::string text;
    for (const char* part : parts) {
        text += part;
    }
    return text;
}

TEST_F(Registers, AreKeptByARunThatEndsByItself) {
    expect_kept(*made(all({kSpoils, "r0 = r6\nr0 += r9\nexit"})), 5, 0);
    expect_kept(*made("r0 = 2\nexit"), 2, 0);
}

TEST_F(Registers, AreKeptByARunThatFaults) {
    expect_kept(*made(all({kFaults, "exit"})), 0, 1);
    expect_kept(*made(all({kSpoils, kFaults, "exit"})), 0, 1);
}

TEST_F(Registers, AreKeptWhenASubprogramFaults) {
    expect_kept(*made(all({"call sub\nr0 = 1\nexit\nsub:\n", kSpoils, kFaults, "exit"})), 0, 1);
}

constexpr const char* kCallsBack =
    "r1 = 10\nr2 = func[back]\nr3 = 0\nr4 = 0\ncall 181\nr0 = 1\nexit\nback:\n";

TEST_F(Registers, AreKeptWhenACallbackFaults) {
    expect_kept(*made(all({kCallsBack, kSpoils, kFaults, "r0 = 0\nexit"})), 0, 1);
}

// The program itself changes none of them; the helper that is abandoned between does.
TEST_F(Registers, AreKeptWhenACallbackFaultsInAProgramThatUsesNone) {
    expect_kept(*made(all({kCallsBack, kFaults, "r0 = 0\nexit"})), 0, 1);
}

TEST_F(Registers, AreKeptByAProgramThatCallsItself) {
    // R1 is null at first and a number then.
    const std::string begins = all({"if r1 == 0 goto first\n", kSpoils});
    expect_kept(*made(all({begins.c_str(), "r0 = r8\nexit\nfirst: r1 = 1\ncall pc-10\nr0 += 4\n"
                                           "exit"})),
                7, 0);
    expect_kept(*made(all({begins.c_str(), kFaults,
                           "exit\nfirst: r1 = 1\ncall pc-11\nr0 += 4\n"
                           "exit"})),
                0, 1);
}

// Optimised code that pushes nothing is entered without saving anything; all other is not.
TEST_F(Registers, AreKeptByOptimisedCode) {
    if (!run::optimiser().ok()) {
        GTEST_SKIP() << "no optimising tier in this build";
    }
    // Numbers that a call must not change, more than a C function may spoil for itself.
    constexpr const char* kManyAcrossACall =
        "call 5\nr6 = r0\ncall 5\nr7 = r0\ncall 5\nr8 = r0\ncall 5\nr6 -= r7\nr7 -= r8\n"
        "r8 -= r0\n";
    expect_kept(*made_optimised("r0 = 2\nexit"), 2, 0);
    expect_kept(*made_optimised(all({kFaults, "exit"})), 0, 1);
    expect_kept(*made_optimised(all({kCallsBack, kFaults, "exit"})), 0, 1);
    expect_kept(*made_optimised(all({kCallsBack, "r0 = 1\nexit"})), 1, 0);
    helpers::Services services;
    services.clock_ns = [](void*, int) { return std::uint64_t{5}; };
    subject.invocation.services = &services;
    expect_kept(*made_optimised(all({kManyAcrossACall, "r0 = r6\nr0 += r7\nr0 += r8\nexit"})), 0,
                0);
    expect_kept(*made_optimised(
                    all({kManyAcrossACall, "r1 = 64\nr0 = *(u64 *)(r1 + 0)\nr0 += r6\nr0 += r7\n"
                                           "r0 += r8\nexit"})),
                0, 1);
}

// A run that a helper makes inside another one, of an invocation of its own: whichever way it ends,
// the outer one is what faults afterwards.
TEST_F(Registers, AreKeptByOptimisedCodeAroundAnotherRunOfIt) {
    if (!run::optimiser().ok()) {
        GTEST_SKIP() << "no optimising tier in this build";
    }
    const auto outer = made_optimised(all({"call 5\n", kFaults, "exit"}));
    const auto outer_saving = made_optimised(
        "call 5\nr6 = r0\ncall 5\nr7 = r0\ncall 5\nr8 = r0\ncall 5\nr6 -= r7\nr1 = 64\n"
        "r0 = *(u64 *)(r1 + 0)\nr0 += r6\nr0 += r8\nexit");
    for (const char* text : {"r0 = 7\nexit", "r1 = 64\nr0 = *(u64 *)(r1 + 0)\nexit"}) {
        const auto inner = made_optimised(text);
        helpers::Services services;
        services.owner = inner.get();
        services.clock_ns = [](void* owner, int) {
            helpers::Invocation own;
            return static_cast<run::Executable*>(owner)->run(nullptr, own);
        };
        subject.invocation.services = &services;
        expect_kept(*outer, 0, 1);
        expect_kept(*outer_saving, 0, 1);
    }
}

#if defined(__x86_64__)
// Processors with sixteen registers more push in other forms. Here they stand behind the fault, as
// signs; that the register was not saved before is what a push would have prevented.
TEST_F(Registers, AreKeptWhateverFormAPushHas) {
    const ByteVector spoils_and_faults{0x49, 0xc7, 0xc7, 1, 0, 0, 0,        // mov $1, %r15
                                       0x8b, 0x04, 0x25, 0, 0, 0, 0, 0xc3}; // mov 0, %eax; ret
    const auto program = unchecked(assemble("r0 = 0\nexit")->insns);
    for (const ByteVector& push : {ByteVector{0xd5, 0x09, 0x54},                   // pushp
                                   ByteVector{0x62, 0xd4, 0x64, 0x18, 0xff, 0xf3}, // push2
                                   ByteVector{0x41, 0x54}, ByteVector{0x53}}) {
        run::jit::Image image;
        image.code = spoils_and_faults;
        image.code.insert(image.code.end(), push.begin(), push.end());
        image.text_bytes = static_cast<std::uint32_t>(image.code.size());
        auto placed = run::place_optimised(std::move(image), program, {});
        ASSERT_TRUE(placed.ok()) << placed.error().message;
        expect_kept(**placed, 0, 1);
    }
}
#endif

// A run inside a run, of the same invocation: the inner one's fault ends the inner one.
bool run_other(void* owner, std::uint32_t, helpers::Invocation& invocation, std::uint64_t* result) {
    *result = static_cast<run::Executable*>(owner)->run(nullptr, invocation);
    return true;
}

TEST_F(Registers, AreKeptWhenATailCalledProgramFaults) {
    spec::MapSpec spec;
    spec.type = spec::MapType::prog_array;
    spec.key_size_bytes = spec.value_size_bytes = 4;
    spec.max_entries = 1;
    auto map = maps::make_map(spec, 1);
    ASSERT_TRUE(map.ok());
    const std::uint32_t zero = 0;
    const std::uint32_t id = 5;
    ASSERT_EQ((*map)->update(reinterpret_cast<const std::uint8_t*>(&zero),
                             reinterpret_cast<const std::uint8_t*>(&id), 0, 0),
              0);
    UncheckedOptions options;
    options.maps = {spec};
    // The tail call stands in a subprogram, so that the caller goes on after it, and faults too.
    const std::string text =
        all({kSpoils, "call sub\nr0 += r8\nr0 += 7\nexit\nsub:\nr6 = 9\nr1 = 0\nr2 = map_idx[0]\n"
                      "r3 = 0\ncall 12\nr0 = 1\nexit"});
    const auto outer = made(text, options, {{map->get()}, {}});
    const auto inner = made(all({kSpoils, kFaults, "exit"}));
    helpers::Services services;
    services.owner = inner.get();
    services.run_program = run_other;
    subject.invocation.services = &services;
    for (std::uint32_t run = 1; run <= 2; ++run) {
        subject.executable = outer.get();
        subject.invocation.tail_calls = 0;
        EXPECT_EQ(skep_test_keeps_registers(run_subject, &subject), 1U);
        EXPECT_EQ(subject.answer, 10U);
        EXPECT_EQ(subject.invocation.faults, run);
        EXPECT_EQ(subject.invocation.engine, nullptr);
    }
}

} // namespace
} // namespace skep::tests
#endif
