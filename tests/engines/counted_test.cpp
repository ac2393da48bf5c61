// SPDX-License-Identifier: Apache-2.0
//
// The coverage policy counts what was carried out, and changes nothing.
#include "skep/run/interpreter/counted.hpp"

#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

TEST(Counted, CountsEachInstructionAsOftenAsItRan) {
    const auto assembled = assemble(R"(
        r0 = 0
        r1 = 5
    again:
        r0 += 2
        r1 += -1
        if r1 != 0 goto again
        if r0 == 10 goto out
        r0 = 77
    out:
        exit
    )");
    ASSERT_TRUE(assembled.ok()) << assembled.error().message;
    const auto counted = run::make_counted(unchecked(assembled->insns), {});
    ASSERT_TRUE(counted.ok()) << counted.error().message;
    helpers::Invocation invocation;
    EXPECT_EQ((*counted)->run(nullptr, invocation), 10U);
    EXPECT_EQ((*counted)->run(nullptr, invocation), 10U);
    const std::vector<std::uint64_t> expected{2, 2, 10, 10, 10, 2, 0, 2};
    EXPECT_EQ((*counted)->counts(), expected);
}

} // namespace
} // namespace skep::tests
