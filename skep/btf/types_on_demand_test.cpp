// SPDX-License-Identifier: Apache-2.0
#include "skep/btf/types_on_demand.hpp"

#include <gtest/gtest.h>

#include "skep/btf/builder.hpp"

namespace skep::btf {
namespace {

TEST(TypesOnDemand, AreReadOnceAndOnlyWhenSomebodyAsks) {
    Builder builder;
    builder.integer("int", 4, kIntSigned);
    const Btf types = builder.build().value();
    int reads = 0;
    const TypesOnDemand later([&] {
        ++reads;
        return &types;
    });
    EXPECT_EQ(reads, 0);
    EXPECT_TRUE(later != nullptr);
    EXPECT_TRUE(later->find("int", Kind::integer).has_value());
    EXPECT_EQ(reads, 1);
}

TEST(TypesOnDemand, MayBeThereAtOnceOrNotAtAll) {
    EXPECT_TRUE(TypesOnDemand() == nullptr);
    EXPECT_TRUE(TypesOnDemand(nullptr) == nullptr);
    EXPECT_TRUE(TypesOnDemand([]() -> const Btf* { return nullptr; }) == nullptr);
}

} // namespace
} // namespace skep::btf
