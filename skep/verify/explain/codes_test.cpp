// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explain/codes.hpp"

#include <gtest/gtest.h>

#include <set>

namespace skep::verify {
namespace {

TEST(FindingCodes, AreUniqueAndFoundByCode) {
    std::set<std::string_view> names;
    for (const FindingRow& kind : finding_rows()) {
        EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
        EXPECT_EQ(find_finding(kind.code), &kind);
        EXPECT_EQ(&row(kind.id), &kind);
    }
    EXPECT_NE(find_finding("e0301"), nullptr);
    EXPECT_EQ(find_finding("E9999"), nullptr);
    EXPECT_EQ(find_finding(""), nullptr);
}

TEST(FindingCodes, AFindingStartsWithTheWordsOfItsKind) {
    const Finding finding =
        refuse(FindingCode::context_access, 13, "invalid bpf_context access off=8 size=8", "x");
    EXPECT_EQ(finding.code, "E0301");
    EXPECT_EQ(finding.os_errno, 13);
    EXPECT_EQ(finding.because, "x");
    EXPECT_FALSE(finding.what.empty());
    EXPECT_FALSE(finding.suggestion.empty());
}

} // namespace
} // namespace skep::verify
