// SPDX-License-Identifier: Apache-2.0
//
// Abstract operations against the instruction table's meaning: at eight bits, sets of every shape,
// every member of both; at 64 bits, members drawn at random.
#include "skep/verify/transfer/arithmetic.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "skep/verify/transfer/branch/branch.hpp"

namespace skep::verify {
namespace {

using Small = BasicScalar<8>;

std::vector<std::uint8_t> members(const Small& set) {
    std::vector<std::uint8_t> all;
    for (unsigned x = 0; x < 256; ++x) {
        if (set.contains(static_cast<std::uint8_t>(x))) {
            all.push_back(static_cast<std::uint8_t>(x));
        }
    }
    return all;
}

// A set with members: random bits and ends, met with each other.
class Sets {
  public:
    Small next() {
        for (;;) {
            Small set;
            const auto mask = pick() & pick();
            const auto value = pick();
            if (coin()) {
                set.bits = {static_cast<std::uint8_t>(value & ~mask),
                            static_cast<std::uint8_t>(mask)};
            }
            if (coin()) {
                set.u = ordered<std::uint8_t>(pick(), pick());
            }
            if (coin()) {
                set.s = ordered<std::int8_t>(static_cast<std::int8_t>(pick()),
                                             static_cast<std::int8_t>(pick()));
            }
            if (coin()) {
                set.u_low = ordered<std::uint8_t>(pick() & 15, pick() & 15);
            }
            if (coin()) {
                set.s_low = ordered<std::int8_t>(BitWidth<4>::as_signed(pick() & 15),
                                                 BitWidth<4>::as_signed(pick() & 15));
            }
            const auto before = members(set);
            if (before.empty()) {
                continue;
            }
            set.synchronise();
            EXPECT_EQ(members(set), before) << "synchronise() changed the set";
            return set;
        }
    }

  private:
    std::uint8_t pick() { return static_cast<std::uint8_t>(random_() & 0xff); }
    bool coin() { return (random_() & 1U) != 0; }
    template <class T>
    static Interval<T> ordered(T a, T b) {
        return a < b ? Interval<T>{a, b} : Interval<T>{b, a};
    }

    std::mt19937 random_{20261122};
};

template <AluOp op>
void expect_sound(Sets& sets, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        const Small a = sets.next();
        const Small b = sets.next();
        const Small wide = Transfer<op>::template apply<8>(a, b);
        for (const std::uint8_t x : members(a)) {
            for (const std::uint8_t y : members(b)) {
                ASSERT_TRUE(wide.contains(spec::apply<op>(x, y)))
                    << spec::row(op).text << " " << int{x} << " " << int{y};
            }
        }
    }
}

template <std::size_t... index>
void expect_all_sound(std::index_sequence<index...>) {
    Sets sets;
    (expect_sound<spec::kAluRows[index].op>(sets, 250), ...);
}

TEST(Transfer, ContainsEveryConcreteResultAtEightBits) {
    expect_all_sound(std::make_index_sequence<spec::kAluRows.size()>{});
}

// The halves of four bits have no row of their own; arithmetic modulo 16 is the row's, trimmed.
template <AluOp op>
void expect_low_sound(Sets& sets, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        const Small a = sets.next();
        const Small b = sets.next();
        const Small low = Transfer<op>::template apply_low<8>(a, b);
        for (const std::uint8_t x : members(a)) {
            for (const std::uint8_t y : members(b)) {
                const auto result = static_cast<std::uint8_t>(spec::apply<op>(x, y) & 15);
                ASSERT_TRUE(low.contains(result))
                    << spec::row(op).text << " low " << int{x} << " " << int{y};
            }
        }
    }
}

TEST(Transfer, ContainsEveryConcreteResultOfTheLowHalf) {
    Sets sets;
    expect_low_sound<AluOp::add>(sets, 400);
    expect_low_sound<AluOp::sub>(sets, 400);
    expect_low_sound<AluOp::mul>(sets, 400);
    expect_low_sound<AluOp::and_>(sets, 400);
    expect_low_sound<AluOp::or_>(sets, 400);
    expect_low_sound<AluOp::xor_>(sets, 400);
    expect_low_sound<AluOp::neg>(sets, 400);
    expect_low_sound<AluOp::mov>(sets, 400);
}

TEST(Transfer, ShiftsOfTheLowHalfContainEveryConcreteResult) {
    Sets sets;
    for (int round = 0; round < 400; ++round) {
        const Small a = sets.next();
        for (std::uint8_t amount = 0; amount < 4; ++amount) {
            const Small by = Small::constant(amount);
            const Small left = Transfer<AluOp::lsh>::apply_low<8>(a, by);
            const Small right = Transfer<AluOp::rsh>::apply_low<8>(a, by);
            const Small arithmetic = Transfer<AluOp::arsh>::apply_low<8>(a, by);
            for (const std::uint8_t x : members(a)) {
                const auto low = static_cast<std::uint8_t>(x & 15);
                const auto as_signed = BitWidth<4>::as_signed(low);
                ASSERT_TRUE(left.contains(static_cast<std::uint8_t>((low << amount) & 15)));
                ASSERT_TRUE(right.contains(static_cast<std::uint8_t>(low >> amount)));
                ASSERT_TRUE(
                    arithmetic.contains(static_cast<std::uint8_t>((as_signed >> amount) & 15)));
            }
        }
    }
}

TEST(Transfer, SignExtensionContainsEveryConcreteResult) {
    Sets sets;
    for (int round = 0; round < 2000; ++round) {
        const Small a = sets.next();
        const Small wide = Extended<4>::apply<8>(a, a);
        for (const std::uint8_t x : members(a)) {
            const auto extended = static_cast<std::uint8_t>(
                BitWidth<4>::as_signed(static_cast<std::uint8_t>(x & 15)));
            ASSERT_TRUE(wide.contains(extended));
        }
    }
}

TEST(Branch, DecidesOnlyWhatIsTheSameForEveryPairAndRefinesWithoutLoss) {
    Sets sets;
    for (const spec::JumpRow& row : spec::kJumpRows) {
        for (int round = 0; round < 400; ++round) {
            const Small a = sets.next();
            const Small b =
                round % 2 == 0 ? sets.next() : Small::constant(members(sets.next()).front());
            const auto answer = decided(row.op, Compared::whole, a, b);
            for (const bool taken : {false, true}) {
                Small left = a;
                Small right = b;
                refine(row.op, Compared::whole, taken, left, right);
                for (const std::uint8_t x : members(a)) {
                    for (const std::uint8_t y : members(b)) {
                        if (spec::taken(row.op, x, y) != taken) {
                            continue;
                        }
                        ASSERT_TRUE(!answer.has_value() || *answer == taken) << row.text;
                        ASSERT_TRUE(left.contains(x) && right.contains(y))
                            << row.text << " " << int{x} << " " << int{y};
                    }
                }
            }
        }
    }
}

TEST(Branch, LowHalvesAreComparedWithoutLossEither) {
    Sets sets;
    for (const spec::JumpRow& row : spec::kJumpRows) {
        for (int round = 0; round < 400; ++round) {
            const Small a = sets.next();
            const Small b =
                round % 2 == 0 ? sets.next() : Small::constant(members(sets.next()).front());
            const auto answer = decided(row.op, Compared::low, a, b);
            for (const bool taken : {false, true}) {
                Small left = a;
                Small right = b;
                refine(row.op, Compared::low, taken, left, right);
                for (const std::uint8_t x : members(a)) {
                    for (const std::uint8_t y : members(b)) {
                        // Shifted up, four bits compare as eight do, in both readings.
                        const auto up_x = static_cast<std::uint8_t>(x << 4);
                        const auto up_y = static_cast<std::uint8_t>(y << 4);
                        if (spec::taken(row.op, up_x, up_y) != taken) {
                            continue;
                        }
                        ASSERT_TRUE(!answer.has_value() || *answer == taken) << row.text;
                        ASSERT_TRUE(left.contains(x) && right.contains(y))
                            << row.text << " " << int{x} << " " << int{y};
                    }
                }
            }
        }
    }
}

TEST(Transfer, ContainsRandomResultsAtSixtyFourBits) {
    std::mt19937_64 random{7};
    const auto shaped = [&random] { return random() >> (random() & 63U); };
    for (int round = 0; round < 20000; ++round) {
        const std::uint64_t x = shaped();
        const std::uint64_t y = shaped();
        const auto around = [&](std::uint64_t number) {
            Scalar set = Scalar::unsigned_range(number - std::min(number, shaped()),
                                                number + std::min(~number, shaped()));
            const std::uint64_t mask = shaped();
            set.bits = set.bits.meet({number & ~mask, mask});
            set.synchronise();
            return set;
        };
        const Scalar a = around(x);
        const Scalar b = around(y);
        ASSERT_TRUE(a.contains(x) && b.contains(y));
        for (const spec::AluRow& row : spec::kAluRows) {
            ASSERT_TRUE(transferred(row.op, a, b).contains(spec::apply(row.op, x, y))) << row.text;
            if (row.operand == spec::Operand::binary || row.operand == spec::Operand::unary) {
                const std::uint64_t low = spec::apply(row.op, static_cast<std::uint32_t>(x),
                                                      static_cast<std::uint32_t>(y));
                ASSERT_TRUE(transferred_low(row.op, a, b).contains(low)) << row.text;
            }
        }
    }
}

} // namespace
} // namespace skep::verify
