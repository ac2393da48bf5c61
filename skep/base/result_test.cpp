// SPDX-License-Identifier: Apache-2.0
#include "skep/base/result.hpp"

#include <cerrno>

#include <gtest/gtest.h>

namespace skep {
namespace {

Result<int> half(int number) {
    if (number % 2 != 0) {
        return fail(Code::invalid_input, "odd");
    }
    return number / 2;
}

Result<int> quarter(int number) {
    const int first = TRY_WHILE("halving once", half(number));
    return TRY_WHILE("halving twice", half(first));
}

TEST(Result, CarriesAValueOrAnError) {
    EXPECT_EQ(quarter(8).value(), 2);
    EXPECT_EQ(quarter(6).error().message, "halving twice: odd");
    EXPECT_EQ(quarter(5).error().message, "halving once: odd");
}

TEST(Result, TranslatesToErrnoAndBack) {
    EXPECT_EQ(errno_of(fail(Code::too_big, "")), E2BIG);
    EXPECT_EQ(error_from_errno(EBUSY, "binding").code, Code::busy);
    EXPECT_EQ(errno_of(error_from_errno(ENODEV, "looking")), ENODEV);
}

TEST(ResultDeathTest, RefusesToGiveAValueItDoesNotHold) {
    EXPECT_DEATH(static_cast<void>(half(1).value()), "internal error");
}

} // namespace
} // namespace skep
