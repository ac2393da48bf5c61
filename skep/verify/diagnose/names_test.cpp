// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/diagnose/names.hpp"

#include <gtest/gtest.h>

namespace skep::verify {
namespace {

TEST(Names, AVariableIsNamedByItsAssignment) {
    EXPECT_EQ(assigned_name("    struct value *v = bpf_map_lookup_elem(&m, &key);"), "v");
    EXPECT_EQ(assigned_name("for (i = 0; i < 3; i++)"), "i");
    EXPECT_EQ(assigned_name("total += v->count;"), "total");
    EXPECT_EQ(assigned_name("if ((x = next()) != 0)"), "x");
    EXPECT_EQ(assigned_name("if (a == b && a <= c)"), std::nullopt);
    EXPECT_EQ(assigned_name("v->count = 3;"), std::nullopt);
    EXPECT_EQ(assigned_name(""), std::nullopt);
    EXPECT_EQ(assigned_name("="), std::nullopt);
}

TEST(Names, APointerIsNamedWhereItIsFollowed) {
    EXPECT_EQ(dereferenced_name("total += v->count;", 0), "v");
    EXPECT_EQ(dereferenced_name("a->x = b->y;", 11), "b");
    EXPECT_EQ(dereferenced_name("sum += *value;", 0), "value");
    EXPECT_EQ(dereferenced_name("sum = a * b;", 0), std::nullopt);
    EXPECT_EQ(dereferenced_name("", 9), std::nullopt);
}

TEST(Names, AnIndexIsNamedWhenItIsAName) {
    EXPECT_EQ(index_name("sum += v->slots[i];", 0), "i");
    EXPECT_EQ(index_name("sum += v->slots[i + 1];", 0), std::nullopt);
    EXPECT_EQ(index_name("sum += v->slots[", 0), std::nullopt);
}

TEST(Names, AnElementAtAConstantPlace) {
    const auto element = constant_element("if (data[13] == 6)", 9);
    ASSERT_TRUE(element.has_value());
    EXPECT_EQ(element->array, "data");
    EXPECT_EQ(element->index, 13U);
    EXPECT_FALSE(constant_element("if (data[n] == 6)", 9).has_value());
    EXPECT_FALSE(constant_element("data[", 1).has_value());
}

TEST(Names, ArgumentsOfACall) {
    const auto call = call_in("x = f(&m, g(a, b), (void *)key);", "f");
    ASSERT_TRUE(call.has_value());
    EXPECT_EQ(call->arguments, (std::vector<std::string>{"&m", "g(a, b)", "(void *)key"}));
    EXPECT_FALSE(call_in("x = f(&m,", "f").has_value());
    EXPECT_FALSE(call_in("x = 1;", "f").has_value());
}

} // namespace
} // namespace skep::verify
