// SPDX-License-Identifier: Apache-2.0
#include "skep/spec/helpers.hpp"

#include <gtest/gtest.h>

#include <set>

namespace skep::spec {
namespace {

TEST(Helpers, ANumberIsAnIndexAndNamesAreUnique) {
    ASSERT_NE(find_helper(1), nullptr);
    EXPECT_EQ(find_helper(1)->name, "bpf_map_lookup_elem");
    EXPECT_EQ(find_helper(0), nullptr);
    EXPECT_EQ(find_helper(212), nullptr);
    std::set<std::string_view> names;
    for (const HelperRow& row : helpers()) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        EXPECT_EQ(helper_named(row.name), &row);
    }
}

TEST(Helpers, AProgramTypeIsOfferedWhatItsSetSays) {
    const HelperRow& adjust = *find_helper(44);
    EXPECT_TRUE(is_offered(adjust, {.type = ProgramType::xdp}));
    EXPECT_FALSE(is_offered(adjust, {.type = ProgramType::sched_cls}));
    EXPECT_TRUE(adjust.effects.has(Effect::moves_packet));
}

TEST(Helpers, ASetMayBeNarrowedByAttachTypeAndTarget) {
    const HelperRow& bind = *find_helper(64);
    EXPECT_TRUE(is_offered(bind, {.type = ProgramType::cgroup_sock_addr,
                                  .attach_type = AttachType::cgroup_inet4_connect}));
    EXPECT_FALSE(is_offered(bind, {.type = ProgramType::cgroup_sock_addr,
                                   .attach_type = AttachType::cgroup_inet4_bind}));

    const HelperRow& setsockopt = *find_helper(49);
    const auto congestion = [](std::string_view target) {
        return CallerSite{.type = ProgramType::struct_ops, .target = target};
    };
    EXPECT_TRUE(is_offered(setsockopt, congestion("tcp_congestion_ops.init")));
    EXPECT_FALSE(is_offered(setsockopt, congestion("tcp_congestion_ops.release")));
    EXPECT_FALSE(is_offered(setsockopt, congestion("bpf_dummy_ops.test_1")));
}

TEST(Helpers, ArgumentsMayDependOnTheProgramType) {
    const HelperRow& cookie = *find_helper(46);
    EXPECT_EQ(arguments(cookie, ProgramType::sched_cls)[0].kind, ArgKind::ctx);
    EXPECT_EQ(arguments(cookie, ProgramType::tracing)[0].kind, ArgKind::btf_id_sock_common_or_null);
}

TEST(Helpers, WhatIsReleasedIsAnArgumentThatCanCarryAReference) {
    for (const HelperRow& row : helpers()) {
        if (!row.effects.has(Effect::releases)) {
            continue;
        }
        const ArgKind kind = row.arguments[row.effects.released_argument - 1U].kind;
        EXPECT_TRUE(kind == ArgKind::ringbuf_mem || kind == ArgKind::btf_id_sock_common ||
                    kind == ArgKind::ringbuf_dynptr || kind == ArgKind::kptr_or_null)
            << row.name;
    }
}

} // namespace
} // namespace skep::spec
