// SPDX-License-Identifier: Apache-2.0
//
// Access paths: read, followed in the object's types, and found again where members have moved.
#include "skep/load/core/access.hpp"

#include <string>

#include <gtest/gtest.h>

#include "skep/btf/builder.hpp"

namespace skep::load::core {
namespace {

using btf::Builder;
using btf::Kind;
using btf::TypeId;
using Numbers = std::vector<std::uint32_t>;

TEST(Access, NumbersStandBetweenColons) {
    EXPECT_EQ(parse_access("0").value(), Numbers{0});
    EXPECT_EQ(parse_access("0:1:22").value(), (Numbers{0, 1, 22}));
    EXPECT_EQ(parse_access("4294967295").value(), Numbers{4294967295U});
    for (const char* wrong :
         {"", ":", "0:", ":0", "0::1", "0 1", "-1", "+1", "0x1", "4294967296", "a"}) {
        EXPECT_FALSE(parse_access(wrong).ok()) << wrong;
    }
    std::string longest = "0";
    for (std::size_t step = 1; step < kMaxSteps; ++step) {
        longest += ":0";
    }
    EXPECT_TRUE(parse_access(longest).ok());
    EXPECT_FALSE(parse_access(longest + ":0").ok());
}

// struct flow { int first; struct { short left, right; }; int many[4]; int rest[]; };
struct Local {
    Local() {
        const TypeId number = builder.integer("int", 4, btf::kIntSigned);
        const TypeId half = builder.integer("short", 2, btf::kIntSigned);
        const TypeId nameless =
            builder.composite(Kind::structure, "", 4, {{"left", half, 0}, {"right", half, 16}});
        const TypeId many = builder.array(number, number, 4);
        const TypeId rest = builder.array(number, number, 0);
        flow = builder.composite(
            Kind::structure, "flow", 24,
            {{"first", number, 0}, {"", nameless, 32}, {"many", many, 64}, {"rest", rest, 192}});
    }
    Builder builder;
    TypeId flow = 0;
};

TEST(Access, APathIsFollowedToItsBit) {
    Local local;
    const auto types = local.builder.build().value();
    EXPECT_EQ(local_path(types, local.flow, {0, 0}).value().bit_offset, 0U);
    EXPECT_EQ(local_path(types, local.flow, {0, 1, 1}).value().bit_offset, 48U);
    EXPECT_EQ(local_path(types, local.flow, {0, 2, 3}).value().bit_offset, 64U + 3 * 32);
    EXPECT_EQ(local_path(types, local.flow, {2, 0}).value().bit_offset, 2 * 24U * 8);
    EXPECT_EQ(local_path(types, local.flow, {0, 3, 100}).value().bit_offset, 192U + 100 * 32);
}

TEST(Access, APathThatLeadsNowhereIsRefused) {
    Local local;
    const auto types = local.builder.build().value();
    EXPECT_FALSE(local_path(types, local.flow, {0, 4}).ok());
    EXPECT_FALSE(local_path(types, local.flow, {0, 2, 4}).ok());
    EXPECT_FALSE(local_path(types, local.flow, {0, 0, 0}).ok());
    EXPECT_FALSE(local_path(types, local.flow, {0, 4294967295U}).ok());
}

TEST(Access, MembersAreFoundAgainByTheirNames) {
    Local local;
    const auto ours = local.builder.build().value();
    // struct flow { int many[8]; union { struct { short pad, right; }; }; };
    Builder builder;
    const TypeId number = builder.integer("int", 4, btf::kIntSigned);
    const TypeId half = builder.integer("short", 2, btf::kIntSigned);
    const TypeId many = builder.array(number, number, 8);
    const TypeId inner =
        builder.composite(Kind::structure, "", 4, {{"pad", half, 0}, {"right", half, 16}});
    const TypeId outer = builder.composite(Kind::union_, "", 4, {{"", inner, 0}});
    const TypeId flow =
        builder.composite(Kind::structure, "flow", 36, {{"many", many, 0}, {"", outer, 256}});
    const auto theirs = builder.build().value();

    const auto right = local_path(ours, local.flow, {0, 1, 1}).value();
    ASSERT_TRUE(target_path(ours, right, theirs, flow).has_value());
    EXPECT_EQ(target_path(ours, right, theirs, flow)->bit_offset, 256U + 16);
    const auto element = local_path(ours, local.flow, {0, 2, 3}).value();
    EXPECT_EQ(target_path(ours, element, theirs, flow)->bit_offset, 3 * 32U);
    const auto first = local_path(ours, local.flow, {0, 0}).value();
    EXPECT_FALSE(target_path(ours, first, theirs, flow).has_value());
    EXPECT_FALSE(target_path(ours, element, theirs, number).has_value());
}

TEST(Access, AMemberOfAnotherShapeIsAnotherMember) {
    Local local;
    const auto ours = local.builder.build().value();
    Builder builder;
    const TypeId number = builder.integer("int", 4, btf::kIntSigned);
    const TypeId many = builder.array(number, number, 2);
    const TypeId flow =
        builder.composite(Kind::structure, "flow", 16, {{"many", many, 0}, {"first", many, 64}});
    const auto theirs = builder.build().value();
    const auto first = local_path(ours, local.flow, {0, 0}).value();
    EXPECT_FALSE(target_path(ours, first, theirs, flow).has_value());
    const auto beyond = local_path(ours, local.flow, {0, 2, 3}).value();
    EXPECT_FALSE(target_path(ours, beyond, theirs, flow).has_value());
}

} // namespace
} // namespace skep::load::core
