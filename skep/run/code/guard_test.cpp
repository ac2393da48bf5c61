// SPDX-License-Identifier: Apache-2.0
//
// Code that faults on purpose, for each machine that code is generated for; on others the tests are
// skipped.
#include "skep/run/code/guard.hpp"

#include <array>
#include <csignal>
#include <cstdlib>

#include <gtest/gtest.h>

#include "skep/os/guard/faults.hpp"
#include "skep/os/guard/guarded_copy.hpp"
#include "skep/os/memory.hpp"
#include "skep/run/code/code_memory.hpp"

namespace skep::run::code {
namespace {

#if defined(__x86_64__)
constexpr bool kHasCode = true;
// mov rax, rdi; ret
const ByteVector kAnswersItsArgument{0x48, 0x89, 0xf8, 0xc3};
// mov rax, [16]; ret
const ByteVector kReadsAt16{0x48, 0x8b, 0x04, 0x25, 0x10, 0x00, 0x00, 0x00, 0xc3};
const ByteVector kNoInstruction{0x0f, 0x0b}; // ud2
const ByteVector kNop{0x90};
const ByteVector kPushesForEver{0x50, 0xeb, 0xfd}; // again: push rax; jmp again
// push rax; push rax; xor ebx, ebx; xor ebp, ebp; xor r13d, r13d; xor r14d, r14d; xor r15d, r15d;
// mov [0], rax
const ByteVector kSpoilsAndFaults{0x50, 0x50, 0x31, 0xdb, 0x31, 0xed, 0x45, 0x31,
                                  0xed, 0x45, 0x31, 0xf6, 0x45, 0x31, 0xff, 0x48,
                                  0x89, 0x04, 0x25, 0x00, 0x00, 0x00, 0x00};
#else
ByteVector words(std::initializer_list<std::uint32_t> list) {
    ByteVector bytes;
    for (const std::uint32_t word : list) {
        for (unsigned shift = 0; shift < 32; shift += 8) {
            bytes.push_back(static_cast<std::uint8_t>(word >> shift));
        }
    }
    return bytes;
}
#if defined(__aarch64__)
constexpr bool kHasCode = true;
#else
constexpr bool kHasCode = false;
#endif
const ByteVector kAnswersItsArgument = words({0xd65f03c0});                // ret
const ByteVector kReadsAt16 = words({0xd2800209, 0xf9400120, 0xd65f03c0}); // mov; ldr x0, [x9]
const ByteVector kNoInstruction = words({0});                              // udf
const ByteVector kNop = words({0xd503201f});
const ByteVector kPushesForEver = words({0xa9bf7bfd, 0x17ffffff}); // stp x29, x30, [sp, #-16]!; b
// sub sp, sp, #32; zero to all that a C function keeps, but for the anchor; str x0, [0]
const ByteVector kSpoilsAndFaults =
    words({0xd10083ff, 0xd2800013, 0xd2800014, 0xd2800015, 0xd2800016, 0xd2800017, 0xd2800018,
           0xd280001a, 0xd280001b, 0xd280001c, 0xd280001d, 0xd2800009, 0xf9000120});
#endif

struct Guard : testing::Test {
    void SetUp() override {
        if (!kHasCode) {
            GTEST_SKIP() << "there is no machine code for this machine";
        }
        ASSERT_TRUE(install_fault_handlers().ok());
    }

    std::uint64_t run(const ByteVector& code, void* r1 = nullptr) {
        auto image = CodeImage::place(code);
        EXPECT_TRUE(image.ok());
        constexpr std::size_t kAndWhatFollows = 16; // when it runs off its end
        const OptimisedCode whole{image->address(),
                                  Bytes(image->bytes().data(), code.size() + kAndWhatFollows)};
        invocation.faults = 0;
        const std::uint64_t answer = enter_optimised(whole, r1, invocation);
        EXPECT_EQ(invocation.engine, nullptr);
        return answer;
    }

    helpers::Invocation invocation;
};

TEST_F(Guard, LetsCodeRunAndAnswer) {
    int anything = 0;
    EXPECT_EQ(run(kAnswersItsArgument, &anything), reinterpret_cast<std::uintptr_t>(&anything));
    EXPECT_EQ(invocation.faults, 0U);
}

TEST_F(Guard, EndsARunThatReadsWhatIsNotThere) {
    EXPECT_EQ(run(kReadsAt16), 0U);
    EXPECT_EQ(invocation.faults, 1U);
    EXPECT_EQ(last_fault().signal, SIGSEGV);
    EXPECT_EQ(last_fault().address, 16U);
}

TEST_F(Guard, EndsARunThatDividesByZero) {
#if !defined(__x86_64__)
    GTEST_SKIP() << "this machine divides by zero without a fault";
#endif
    EXPECT_EQ(run({0x31, 0xc9, 0x48, 0xf7, 0xf1, 0xc3}), 0U); // xor ecx, ecx; div rcx; ret
    EXPECT_EQ(last_fault().signal, SIGFPE);
}

TEST_F(Guard, EndsARunThatMeetsNoInstruction) {
    EXPECT_EQ(run(kNoInstruction), 0U);
    EXPECT_EQ(last_fault().signal, SIGILL);
}

TEST_F(Guard, EndsARunThatRunsOffItsEnd) {
    EXPECT_EQ(run(kNop), 0U); // and nothing after it
    EXPECT_EQ(invocation.faults, 1U);
}

TEST_F(Guard, EndsARunThatRunsOutOfStackOnAnAlternateOne) {
    auto stack = os::AlternateStack::install();
    ASSERT_TRUE(stack.ok());
    EXPECT_EQ(run(kPushesForEver), 0U);
    EXPECT_EQ(last_fault().signal, SIGSEGV);
}

TEST_F(Guard, RestoresStackAndRegistersAfterAFault) {
    std::array<volatile int, 8> kept{1, 2, 3, 4, 5, 6, 7, 8};
    for (int round = 0; round < 100; ++round) {
        EXPECT_EQ(run(kSpoilsAndFaults), 0U);
    }
    for (std::size_t i = 0; i < kept.size(); ++i) {
        EXPECT_EQ(kept[i], static_cast<int>(i) + 1);
    }
}

TEST_F(Guard, CopyOfWhatIsNotThereFails) {
    std::array<std::uint8_t, 16> buffer{};
    const std::array<std::uint8_t, 16> source{1, 2, 3};
    EXPECT_TRUE(os::copy_guarded(buffer.data(), source.data(), source.size()));
    EXPECT_EQ(buffer, source);
    auto page = os::Mapping::anonymous(os::page_size());
    ASSERT_TRUE(page.ok());
    const std::uint8_t* gone = page->data();
    page.value() = os::Mapping();
    EXPECT_FALSE(os::copy_guarded(buffer.data(), gone, buffer.size()));
}

// The fault that these tests are about: the sanitizer must leave it to the processor.
__attribute__((no_sanitize("undefined"))) void store_to_nothing() {
    volatile int* volatile nowhere = nullptr; // read, so that no compiler knows what it holds
    *nowhere = 1;
}

using GuardDeathTest = Guard;

TEST_F(GuardDeathTest, PassesOnAFaultOfSomebodyElse) {
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the sanitizer answers this fault in its own way";
#endif
    EXPECT_EXIT({ store_to_nothing(); }, testing::KilledBySignal(SIGSEGV), "");
}

TEST(GuardChainDeathTest, CallsTheHandlerThatWasThereBefore) {
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    EXPECT_EXIT(
        {
            std::signal(SIGSEGV, [](int) { std::_Exit(7); });
            static_cast<void>(install_fault_handlers());
            store_to_nothing();
        },
        testing::ExitedWithCode(7), "");
}

} // namespace
} // namespace skep::run::code
