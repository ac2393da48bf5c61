// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>

#include "skep/spec/kfuncs.hpp"

namespace skep::spec {
namespace {

TEST(Kfuncs, EveryFunctionHasOneRowThatSaysWhatItDoes) {
    std::set<std::string_view> names;
    for (const KfuncRow& row : kfuncs()) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        EXPECT_FALSE(row.says.empty()) << row.name;
        EXPECT_FALSE(row.since.empty()) << row.name;
        EXPECT_FALSE(row.callers.types.empty()) << row.name;
        EXPECT_EQ(find_kfunc(row.name), &row);
    }
    EXPECT_EQ(find_kfunc("vfs_read"), nullptr);
    EXPECT_EQ(find_kfunc(""), nullptr);
}

TEST(Kfuncs, AnIteratorHasAllThreeOfItsFunctions) {
    for (const KfuncRow& row : kfuncs()) {
        if (row.rule != KfuncRule::iter_new) {
            continue;
        }
        const std::string stem(row.name.substr(0, row.name.size() - 3));
        const KfuncRow* next = find_kfunc(stem + "next");
        const KfuncRow* destroy = find_kfunc(stem + "destroy");
        ASSERT_NE(next, nullptr) << row.name;
        ASSERT_NE(destroy, nullptr) << row.name;
        EXPECT_EQ(next->rule, KfuncRule::iter_next);
        EXPECT_EQ(destroy->rule, KfuncRule::iter_destroy);
        EXPECT_TRUE(next->flags.has(KfuncFlag::maybe_null));
    }
}

TEST(Kfuncs, AreOfferedByTypeOfProgram) {
    const KfuncRow& thrower = *find_kfunc("bpf_throw");
    EXPECT_TRUE(is_offered(thrower, {.type = ProgramType::xdp}));
    EXPECT_FALSE(is_offered(thrower, {.type = ProgramType::socket_filter}));
    EXPECT_TRUE(is_offered(*find_kfunc("bpf_rcu_read_lock"), {.type = ProgramType::socket_filter}));
    const KfuncRow& closer = *find_kfunc("bpf_sock_destroy");
    EXPECT_FALSE(is_offered(closer, {.type = ProgramType::tracing}));
    EXPECT_TRUE(
        is_offered(closer, {.type = ProgramType::tracing, .attach_type = AttachType::trace_iter}));
}

} // namespace
} // namespace skep::spec
