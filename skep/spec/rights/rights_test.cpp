// SPDX-License-Identifier: Apache-2.0
#include "skep/spec/rights/rights.hpp"

#include <gtest/gtest.h>

#include <set>

namespace skep::spec {
namespace {

TEST(Rights, EveryRowIsOfAHelperThatThereIsAndOfNoOtherRow) {
    std::set<Helper> seen;
    for (const HelperRight& row : helper_rights()) {
        EXPECT_NE(find_helper(static_cast<std::uint32_t>(row.helper)), nullptr);
        EXPECT_TRUE(seen.insert(row.helper).second);
        EXPECT_NE(row.right, Right::nothing);
    }
}

TEST(Rights, WhatHasNoRowIsFree) {
    EXPECT_EQ(right_to_call(Helper::map_lookup_elem), Right::nothing);
    EXPECT_EQ(right_to_call(Helper::loop), Right::bpf);
    EXPECT_EQ(right_to_call(Helper::trace_printk), Right::perfmon);
}

TEST(Rights, AFieldMayBeReadByMoreThanMayWriteIt) {
    for (const ContextField& field : fields(ContextId::skb)) {
        const Right load = right_to_access(field, AccessDirection::load, ProgramType::cgroup_skb);
        const Right store = right_to_access(field, AccessDirection::store, ProgramType::cgroup_skb);
        EXPECT_EQ(load == Right::bpf, field.name == "data" || field.name == "data_end");
        EXPECT_EQ(store == Right::bpf, field.name == "tstamp");
        EXPECT_EQ(right_to_access(field, AccessDirection::load, ProgramType::sched_cls),
                  Right::nothing);
    }
}

} // namespace
} // namespace skep::spec
