// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/running_kernel.hpp"

#include <gtest/gtest.h>

namespace skep::app {
namespace {

TEST(RunningKernel, VersionsAreNumbersAsProgramsCompareThem) {
    EXPECT_EQ(version_number("6.18.44"), 0x06122cU);
    EXPECT_EQ(version_number("6.1.0-18-amd64"), 0x060100U);
    EXPECT_EQ(version_number("5.4"), 0x050400U);
    EXPECT_EQ(version_number("4.14.336"), 0x040effU);
    EXPECT_EQ(version_number("?"), 0U);
    EXPECT_EQ(version_number(""), 0U);
}

TEST(RunningKernel, AConfigurationIsItsSettingsAndNoComment) {
    const auto settings = configuration_in("# Linux\nCONFIG_HZ=250\n# CONFIG_BPF_LSM is not set\n"
                                           "CONFIG_CC_VERSION_TEXT=\"gcc = 12\"\nCONFIG_BPF=y");
    EXPECT_EQ(settings.size(), 3U);
    EXPECT_EQ(settings.at("CONFIG_HZ"), "250");
    EXPECT_EQ(settings.at("CONFIG_CC_VERSION_TEXT"), "\"gcc = 12\"");
    EXPECT_EQ(settings.at("CONFIG_BPF"), "y");
}

} // namespace
} // namespace skep::app
