// SPDX-License-Identifier: Apache-2.0
//
// Every tnum of four bits against every other, every member.
#include <gtest/gtest.h>

#include <vector>

#include "skep/verify/domain/tnum.hpp"

namespace skep::verify {
namespace {

using Small = Tnum<4>;

std::vector<Small> every_tnum() {
    std::vector<Small> all;
    for (unsigned mask = 0; mask < 16; ++mask) {
        for (unsigned value = 0; value < 16; ++value) {
            if ((value & mask) == 0) {
                all.push_back({static_cast<std::uint8_t>(value), static_cast<std::uint8_t>(mask)});
            }
        }
    }
    return all;
}

template <class Abstract, class Concrete>
void expect_contains_all(Abstract abstract, Concrete concrete) {
    for (const Small& a : every_tnum()) {
        for (const Small& b : every_tnum()) {
            const Small result = abstract(a, b);
            ASSERT_EQ(result.value & result.mask, 0);
            for (unsigned x = 0; x < 16; ++x) {
                for (unsigned y = 0; y < 16; ++y) {
                    const auto number_x = static_cast<std::uint8_t>(x);
                    const auto number_y = static_cast<std::uint8_t>(y);
                    if (a.contains(number_x) && b.contains(number_y)) {
                        ASSERT_TRUE(
                            result.contains(static_cast<std::uint8_t>(concrete(x, y) & 15U)))
                            << x << " and " << y;
                    }
                }
            }
        }
    }
}

TEST(Tnum, AdditionContainsEveryConcreteSum) {
    expect_contains_all([](Small a, Small b) { return a.plus(b); },
                        [](unsigned x, unsigned y) { return x + y; });
}
TEST(Tnum, SubtractionContainsEveryConcreteDifference) {
    expect_contains_all([](Small a, Small b) { return a.minus(b); },
                        [](unsigned x, unsigned y) { return x - y; });
}
TEST(Tnum, MultiplicationContainsEveryConcreteProduct) {
    expect_contains_all([](Small a, Small b) { return a.times(b); },
                        [](unsigned x, unsigned y) { return x * y; });
}
TEST(Tnum, BitwiseOperationsContainEveryConcreteResult) {
    expect_contains_all([](Small a, Small b) { return a.bit_and(b); },
                        [](unsigned x, unsigned y) { return x & y; });
    expect_contains_all([](Small a, Small b) { return a.bit_or(b); },
                        [](unsigned x, unsigned y) { return x | y; });
    expect_contains_all([](Small a, Small b) { return a.bit_xor(b); },
                        [](unsigned x, unsigned y) { return x ^ y; });
}
TEST(Tnum, JoinContainsBothSides) {
    expect_contains_all([](Small a, Small b) { return a.join(b); },
                        [](unsigned x, unsigned) { return x; });
    expect_contains_all([](Small a, Small b) { return a.join(b); },
                        [](unsigned, unsigned y) { return y; });
}
TEST(Tnum, MeetContainsWhatIsInBoth) {
    for (const Small& a : every_tnum()) {
        for (const Small& b : every_tnum()) {
            for (unsigned x = 0; x < 16; ++x) {
                const auto number = static_cast<std::uint8_t>(x);
                if (a.contains(number) && b.contains(number)) {
                    ASSERT_TRUE(a.meet(b).contains(number));
                    ASSERT_FALSE(a.disjoint(b));
                }
            }
        }
    }
}
TEST(Tnum, IncludesMeansEveryMemberIsThere) {
    for (const Small& a : every_tnum()) {
        for (const Small& b : every_tnum()) {
            bool all = true;
            for (unsigned x = 0; x < 16; ++x) {
                const auto number = static_cast<std::uint8_t>(x);
                all = all && (!b.contains(number) || a.contains(number));
            }
            ASSERT_EQ(a.includes(b), all);
        }
    }
}
TEST(Tnum, OfRangeContainsTheRange) {
    for (unsigned min = 0; min < 16; ++min) {
        for (unsigned max = min; max < 16; ++max) {
            const Small set =
                Small::of_range(static_cast<std::uint8_t>(min), static_cast<std::uint8_t>(max));
            for (unsigned x = min; x <= max; ++x) {
                ASSERT_TRUE(set.contains(static_cast<std::uint8_t>(x)));
            }
        }
    }
}
TEST(Tnum, OfTheFullRangeIsTop) { EXPECT_TRUE(Tnum<64>::of_range(0, ~0ULL).is_top()); }

} // namespace
} // namespace skep::verify
