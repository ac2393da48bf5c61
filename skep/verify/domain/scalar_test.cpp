// SPDX-License-Identifier: Apache-2.0
//
// Scalars of eight bits: no operation on sets loses a member, for sets of every shape.
#include "skep/verify/domain/scalar.hpp"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace skep::verify {
namespace {

using Small = BasicScalar<8>;
using Number = Small::Number;

std::vector<Number> members(const Small& set) {
    std::vector<Number> all;
    for (unsigned x = 0; x < 256; ++x) {
        if (set.contains(static_cast<Number>(x))) {
            all.push_back(static_cast<Number>(x));
        }
    }
    return all;
}

// Sets whose five parts were chosen apart from each other, so that they contradict or overlap in
// every way.
class Sets {
  public:
    Small next() {
        Small set;
        const Number mask = pick() | pick();
        set.bits = {static_cast<Number>(pick() & ~mask), mask};
        set.u = ordered<Number>(pick(), pick());
        set.s = ordered<std::int8_t>(as_signed(pick()), as_signed(pick()));
        const auto low = [this] { return static_cast<Small::Low>(pick() & 15); };
        if (coin()) {
            set.u_low = ordered<Small::Low>(low(), low());
        }
        if (coin()) {
            set.s_low =
                ordered<Small::SignedLow>(Small::H::as_signed(low()), Small::H::as_signed(low()));
        }
        return set;
    }
    // Any of the above that has members.
    Small next_with_members() {
        Small set = next();
        while (members(set).empty()) {
            set = next();
        }
        return set;
    }

  private:
    Number pick() { return static_cast<Number>(random_() & 0xff); }
    bool coin() { return (random_() & 1U) != 0; }
    static std::int8_t as_signed(Number number) { return static_cast<std::int8_t>(number); }
    template <class T>
    static Interval<T> ordered(T a, T b) {
        return a < b ? Interval<T>{a, b} : Interval<T>{b, a};
    }
    std::mt19937 random_{8};
};

constexpr int kRounds = 20'000;

TEST(ScalarSet, SynchroniseKeepsExactlyTheMembers) {
    Sets sets;
    for (int round = 0; round < kRounds; ++round) {
        Small set = sets.next();
        const auto before = members(set);
        set.synchronise();
        if (!before.empty()) {
            ASSERT_EQ(members(set), before);
            ASSERT_FALSE(set.is_bottom());
        }
    }
}

// Synchronising without a short way.
Small exchanged(Small set) {
    sync::intervals_tighten(set);
    sync::exchange(set);
    if (!set.is_bottom()) {
        sync::intervals_tighten(set);
    }
    return set;
}

// Every pattern of bits with every such interval, and then sets of any shape.
TEST(ScalarSet, WhereAllIntervalsAreOneTheShortWayIsAsGood) {
    unsigned count = 0;
    const auto expect_same = [&count](Small set) {
        Small tightened = set;
        sync::intervals_tighten(tightened);
        if (set.bits.is_constant() || !sync::is_one_interval(tightened)) {
            return;
        }
        ++count;
        const Small expected = exchanged(set);
        set.synchronise();
        ASSERT_EQ(set, expected) << count;
    };
    for (unsigned mask = 0; mask < 256; ++mask) {
        for (unsigned rest = 0; rest < 256 * 64; ++rest) {
            const unsigned value = rest / 64;
            const unsigned min = rest % 8;
            const unsigned max = rest / 8 % 8;
            if ((value & mask) != 0 || min > max) {
                continue;
            }
            Small set;
            set.bits = {static_cast<Number>(value), static_cast<Number>(mask)};
            set.u = {static_cast<Number>(min), static_cast<Number>(max)};
            set.s = {static_cast<std::int8_t>(min), static_cast<std::int8_t>(max)};
            set.u_low = {static_cast<Small::Low>(min), static_cast<Small::Low>(max)};
            set.s_low = {static_cast<Small::SignedLow>(min), static_cast<Small::SignedLow>(max)};
            expect_same(set);
        }
    }
    Sets sets;
    for (unsigned round = 0; round < 1'000'000; ++round) {
        expect_same(sets.next());
    }
    EXPECT_GT(count, 10'000U);
}

TEST(ScalarSet, IntervalsTakenFromTheBitsHoldWhatTheBitsDo) {
    for (unsigned mask = 0; mask < 256; ++mask) {
        for (unsigned value = 0; value < 256; ++value) {
            if ((value & mask) != 0) {
                continue;
            }
            Small set;
            set.bits = {static_cast<Number>(value), static_cast<Number>(mask)};
            const auto before = members(set);
            set.intervals_from_bits();
            ASSERT_EQ(members(set), before);
        }
    }
}

TEST(ScalarSet, IncludesMeansEveryMemberIsThere) {
    Sets sets;
    for (int round = 0; round < kRounds; ++round) {
        const Small a = sets.next();
        const Small b = sets.next();
        const Small both = a.join(b);
        ASSERT_TRUE(both.includes(a) && both.includes(b));
        if (a.includes(b)) {
            for (const Number number : members(b)) {
                ASSERT_TRUE(a.contains(number));
            }
        }
    }
}

TEST(ScalarSet, JoinHoldsBothAndMeetWhatIsInBoth) {
    Sets sets;
    for (int round = 0; round < kRounds; ++round) {
        const Small a = sets.next_with_members();
        const Small b = sets.next_with_members();
        const Small either = a.join(b);
        const Small both = a.meet(b);
        for (const Number number : members(a)) {
            ASSERT_TRUE(either.contains(number));
            ASSERT_TRUE(!b.contains(number) || both.contains(number));
        }
    }
}

TEST(ScalarSet, TheUpperHalfBecomesZeroAndTheLowOneStays) {
    Sets sets;
    for (int round = 0; round < kRounds; ++round) {
        const Small before = sets.next_with_members();
        Small after = before;
        after.zero_extend_low();
        for (const Number number : members(before)) {
            ASSERT_TRUE(after.contains(static_cast<Number>(number & 15)));
        }
        for (const Number number : members(after)) {
            ASSERT_LT(number, 16);
        }
    }
}

TEST(ScalarSet, KeepingLowBitsKeepsThem) {
    Sets sets;
    for (int round = 0; round < kRounds; ++round) {
        const Small before = sets.next_with_members();
        for (const unsigned count : {1U, 2U, 4U, 7U, 8U}) {
            Small after = before;
            after.keep_low_bits(count);
            for (const Number number : members(before)) {
                ASSERT_TRUE(after.contains(static_cast<Number>(number & ((1U << count) - 1))))
                    << int{number} << " kept to " << count;
            }
        }
    }
}

TEST(ScalarSet, MadeFromEndsItHoldsWhatLiesBetween) {
    for (int min = 0; min < 256; ++min) {
        for (int max = min; max < 256; ++max) {
            const auto of_unsigned =
                Small::unsigned_range(static_cast<Number>(min), static_cast<Number>(max));
            const auto of_signed = Small::signed_range(static_cast<std::int8_t>(min - 128),
                                                       static_cast<std::int8_t>(max - 128));
            ASSERT_EQ(members(of_unsigned).size(), static_cast<std::size_t>(max - min + 1));
            ASSERT_EQ(members(of_signed).size(), static_cast<std::size_t>(max - min + 1));
            ASSERT_TRUE(of_unsigned.contains(static_cast<Number>(min)));
            ASSERT_TRUE(of_signed.contains(static_cast<Number>(max - 128)));
        }
    }
    EXPECT_EQ(members(Small::of_bits(3)).size(), 8U);
    EXPECT_EQ(members(Small::constant(200)), std::vector<Number>{200});
    EXPECT_TRUE(Small::top().is_top());
}

} // namespace
} // namespace skep::verify
