// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/targets/constant_division.hpp"

#include <random>

#include <gtest/gtest.h>

namespace skep::run::jit {
namespace {

std::uint64_t high_half(std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((Wide{a} * b) >> 64);
}

std::uint64_t divide64(std::uint64_t n, const Reciprocal& by) {
    const std::uint64_t t = high_half(n, by.multiplier);
    return (by.needs_addition ? ((n - t) >> 1) + t : t) >> by.shift;
}

std::uint32_t divide32(std::uint32_t n, const Reciprocal& by) {
    const auto t = static_cast<std::uint32_t>((n * by.multiplier) >> 32);
    return (by.needs_addition ? ((n - t) >> 1) + t : t) >> by.shift;
}

TEST(ConstantDivision, IsRightAtTheEdgesOfEverySmallDivisor) {
    for (std::uint32_t divisor = 3; divisor < 65536; ++divisor) {
        if (std::has_single_bit(divisor)) {
            continue;
        }
        const Reciprocal by32 = reciprocal_of<32>(divisor);
        const Reciprocal by64 = reciprocal_of<64>(divisor);
        const std::uint32_t last32 = 0xffffffffU / divisor * divisor;
        const std::uint64_t last64 = ~std::uint64_t{0} / divisor * divisor;
        for (const std::uint32_t n :
             {0U, divisor - 1, divisor, divisor + 1, last32 - 1, last32, 0xffffffffU}) {
            ASSERT_EQ(divide32(n, by32), n / divisor) << n << " / " << divisor;
        }
        for (const std::uint64_t n : {std::uint64_t{divisor} - 1, std::uint64_t{divisor},
                                      last64 - 1, last64, ~std::uint64_t{0}}) {
            ASSERT_EQ(divide64(n, by64), n / divisor) << n << " / " << divisor;
        }
    }
}

TEST(ConstantDivision, IsRightForRandomNumbers) {
    std::mt19937_64 random(20260101);
    for (int round = 0; round < 200000; ++round) {
        const std::uint64_t divisor = (random() >> (random() % 62)) | 1;
        const std::uint64_t n = random() >> (random() % 64);
        if (divisor < 3) {
            continue;
        }
        ASSERT_EQ(divide64(n, reciprocal_of<64>(divisor)), n / divisor) << n << " / " << divisor;
        const auto narrow = static_cast<std::uint32_t>(divisor);
        if (narrow >= 3) {
            ASSERT_EQ(divide32(static_cast<std::uint32_t>(n), reciprocal_of<32>(narrow)),
                      static_cast<std::uint32_t>(n) / narrow);
        }
    }
}

} // namespace
} // namespace skep::run::jit
