// SPDX-License-Identifier: Apache-2.0
#include "skep/spec/kernels/features.hpp"

#include <gtest/gtest.h>

#include "skep/spec/attach_types.hpp"
#include "skep/spec/helpers.hpp"
#include "skep/spec/instructions.hpp"
#include "skep/spec/map_types.hpp"
#include "skep/spec/program_types.hpp"

namespace skep::spec {
namespace {

TEST(Features, VersionsAreReadAsNumbersNotAsText) {
    EXPECT_EQ(kernel_version("5.10"), kernel_version(5, 10));
    EXPECT_GT(*kernel_version("5.10"), *kernel_version("5.9"));
    EXPECT_FALSE(kernel_version("?").has_value());
    EXPECT_FALSE(kernel_version("5").has_value());
    EXPECT_FALSE(kernel_version("5.").has_value());
    EXPECT_FALSE(kernel_version("5.1.2").has_value());
    EXPECT_FALSE(kernel_version(".5").has_value());
    EXPECT_FALSE(kernel_version("99999999999.1").has_value());
}

TEST(Features, OnlyKernelsThatWereReleasedCanBeJudgedFor) {
    EXPECT_TRUE(is_kernel(kOldestKernel));
    EXPECT_TRUE(is_kernel(kNewestKernel));
    EXPECT_FALSE(is_kernel(kernel_version(4, 13)));
    EXPECT_FALSE(is_kernel(kernel_version(4, 21)));
    EXPECT_FALSE(is_kernel(kernel_version(5, 20)));
    EXPECT_FALSE(is_kernel(kernel_version(6, 19)));
    EXPECT_FALSE(is_kernel(kernel_version(7, 0)));
}

template <class Rows>
void expect_versions(const Rows& rows) {
    for (const auto& row : rows) {
        const auto since = kernel_version(row.since);
        ASSERT_TRUE(since.has_value()) << row.since;
        EXPECT_LE(*since, kNewestKernel);
    }
}

TEST(Features, EveryRowOfTheLawNamesTheKernelThatBroughtIt) {
    expect_versions(kFeatures);
    expect_versions(kFieldFeatures);
    expect_versions(kMapTypes);
    expect_versions(kProgramTypes);
    expect_versions(kAttachTypes);
    expect_versions(kAluRows);
    expect_versions(kJumpRows);
    expect_versions(kAtomicRows);
    expect_versions(kWideRows);
    for (std::uint32_t id = 1; id <= kHighestHelper; ++id) {
        const HelperRow* helper = find_helper(id);
        ASSERT_NE(helper, nullptr) << id;
        EXPECT_TRUE(kernel_version(helper->since).has_value()) << helper->name;
    }
}

} // namespace
} // namespace skep::spec
