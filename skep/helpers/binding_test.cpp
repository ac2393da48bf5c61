// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "skep/helpers/adapter.hpp"

namespace skep::helpers {
namespace {

TEST(Binding, GivesAFunctionToEveryHelperWhoseRowPromisesOneAndToNoOther) {
    for (const spec::HelperRow& row : spec::helpers()) {
        const auto id = static_cast<std::uint32_t>(row.id);
        const bool promised = row.support.level != spec::SupportLevel::absent;
        EXPECT_EQ(promised, find_helper(id) != nullptr || is_done_by_engine(id)) << row.name;
    }
    EXPECT_EQ(find_helper(0), nullptr);
    EXPECT_EQ(find_helper(spec::kHighestHelper + 1), nullptr);
    EXPECT_EQ(find_helper(~0U), nullptr);
}

std::int64_t weigh(Invocation&, std::uint8_t a, std::int32_t b, std::uint64_t c, const char* d,
                   std::uint32_t e) {
    return a + b + static_cast<std::int64_t>(c) + *d + e;
}

TEST(Adapter, CutsNumbersToTheWidthOfTheArgumentAndWidensNegativeAnswers) {
    Invocation invocation;
    const char letter = 1;
    const std::uint64_t answer =
        kNative<weigh>(0xfff1, 0x1'ffff'fff0, 2, to_register(&letter), 0x5'0000'0003, invocation);
    EXPECT_EQ(static_cast<std::int64_t>(answer), 0xf1 - 16 + 2 + 1 + 3);
    EXPECT_EQ(kNative<weigh>(0, 0xffffff00, 0, to_register(&letter), 0, invocation),
              ~std::uint64_t{0} - 254);
}

} // namespace
} // namespace skep::helpers
