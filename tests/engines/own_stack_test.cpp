// SPDX-License-Identifier: Apache-2.0
//
// What helpers read by any address: of the stack, the frame of the function that calls them, on
// every engine alike. The kernel reads more; this is all that is the program's.
#include <cerrno>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "tests/support/engines.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

constexpr auto kFault = static_cast<std::uint64_t>(-EFAULT);

class OwnStack : public testing::TestWithParam<Engine> {
  protected:
    static std::uint64_t run(std::string_view text) {
        const auto assembled = assemble(text);
        EXPECT_TRUE(assembled.ok()) << assembled.error().message;
        const auto result = run_once(GetParam(), unchecked(assembled->insns), nullptr);
        EXPECT_TRUE(result.ok()) << result.error().message;
        return result.ok() ? *result : ~std::uint64_t{0};
    }
};
INSTANTIATE_TEST_SUITE_P(All, OwnStack, testing::ValuesIn(engines().begin(), engines().end()),
                         [](const auto& one) { return std::string(one.param.name); });

TEST_P(OwnStack, IsReadByItsAddress) {
    EXPECT_EQ(run(R"(
        r1 = 0x64726f77
        *(u64 *)(r10 - 8) = r1
        *(u64 *)(r10 - 16) = 0
        r1 = r10
        r1 += -16
        r2 = 8
        r3 = r10
        r3 += -8
        call 113
        if r0 != 0 goto out
        r0 = *(u64 *)(r10 - 16)
    out:
        exit
    )"),
              0x64726f77U);
}

TEST_P(OwnStack, IsWhatTextsArePrintedFrom) {
    EXPECT_EQ(run(R"(
        r1 = 0x64726f77
        *(u64 *)(r10 - 8) = r1
        r1 = r10
        r1 += -8
        *(u64 *)(r10 - 16) = r1
        *(u64 *)(r10 - 24) = 0x7325 ; "%s"
        *(u64 *)(r10 - 32) = 0
        r1 = r10
        r1 += -32
        r2 = 8
        r3 = r10
        r3 += -24
        r4 = r10
        r4 += -16
        r5 = 8
        call 165
        if r0 != 5 goto out
        r0 = *(u64 *)(r10 - 32)
    out:
        exit
    )"),
              0x64726f77U);
}

TEST_P(OwnStack, EndsWhereTheFrameEnds) {
    for (const char* place : {"0", "-4", "-513", "-520"}) {
        EXPECT_EQ(run(fmt::format(R"(
            *(u64 *)(r10 - 8) = 0
            r1 = r10
            r1 += -8
            r2 = 8
            r3 = r10
            r3 += {}
            call 113
            exit
        )",
                                  place)),
                  kFault)
            << place;
    }
}

TEST_P(OwnStack, IsThatOfTheFunctionThatCallsTheHelper) {
    EXPECT_EQ(run(R"(
        *(u64 *)(r10 - 8) = 7
        r1 = r10
        r1 += -8
        call outer
        if r0 != -14 goto wrong
        *(u64 *)(r10 - 16) = 0
        r1 = r10
        r1 += -16
        r2 = 8
        r3 = r10
        r3 += -8
        call 113
        if r0 != 0 goto wrong
        r0 = *(u64 *)(r10 - 16)
        exit
    wrong:
        r0 = 1
        exit
    outer:
        r3 = r1
        *(u64 *)(r10 - 8) = 0
        r1 = r10
        r1 += -8
        r2 = 8
        call 113
        exit
    )"),
              7U);
}

TEST_P(OwnStack, OfAFunctionWithoutOneIsNothing) {
    EXPECT_EQ(run(R"(
        r6 = r10
        r6 += -8
        *(u64 *)(r10 - 8) = 7
        r1 = r10
        r1 += -8
        r2 = 8
        r3 = r10
        r3 += -8
        call 113
        if r0 != 0 goto wrong
        r1 = r6
        call reader
        exit
    wrong:
        r0 = 1
        exit
    reader:
        r3 = r1
        r2 = 8
        call 113
        exit
    )"),
              kFault);
}

} // namespace
} // namespace skep::tests
