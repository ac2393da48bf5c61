// SPDX-License-Identifier: Apache-2.0
#include "skep/os/kernel/sampler.hpp"

#include <gtest/gtest.h>

namespace skep::os {
namespace {

// Long enough to be met many times, whatever the machine.
std::uint64_t be_busy() {
    volatile std::uint64_t number = 1;
    for (int i = 0; i < 60'000'000; ++i) {
        number = number * 6364136223846793005ULL + 1;
    }
    return number;
}

void meets_a_busy_thread(Sampled what) {
    Result<Sampler> sampler = Sampler::open(what);
    if (!sampler.ok()) {
        EXPECT_NE(sampler.error().message.find("perf_event_open"), std::string::npos);
        GTEST_SKIP() << sampler.error().message;
    }
    ASSERT_TRUE(sampler->start().ok());
    be_busy();
    const Result<Samples> samples = sampler->stop();
    ASSERT_TRUE(samples.ok());
    EXPECT_FALSE(samples->samples.empty());
    for (const Sample& sample : samples->samples) {
        EXPECT_NE(sample.address, 0U);
        EXPECT_NE(sample.amount, 0U);
    }
    const Result<Samples> more = sampler->stop();
    ASSERT_TRUE(more.ok());
    EXPECT_TRUE(more->samples.empty());
}

TEST(Sampler, MeetsABusyThreadByTheClock) { meets_a_busy_thread(Sampled::time_ns); }
TEST(Sampler, MeetsABusyThreadByItsCycles) { meets_a_busy_thread(Sampled::cycles); }

} // namespace
} // namespace skep::os
