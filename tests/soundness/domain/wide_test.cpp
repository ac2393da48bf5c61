// SPDX-License-Identifier: Apache-2.0
//
// Every abstract operation at the widths of programs, by random search: numbers near the ends of
// all widths and signs, in sets of all shapes; whatever a member gives must be in the answer.
#include <gtest/gtest.h>

#include <random>

#include "skep/verify/transfer/arithmetic.hpp"
#include "skep/verify/transfer/branch/branch.hpp"

namespace skep::tests::soundness {
namespace {

using verify::Compared;
using verify::Scalar;

constexpr int kRounds = 400'000;

class Draw {
  public:
    explicit Draw(std::uint64_t seed) : random_(seed) {}

    // Near an end of some width, or of any size.
    std::uint64_t number() {
        const unsigned width = static_cast<unsigned>(random_() % 65);
        const std::uint64_t end = width == 64 ? 0 : std::uint64_t{1} << width;
        switch (random_() % 6) {
        case 0:
            return random_() >> (random_() % 64);
        case 1:
            return 0 - (random_() >> (random_() % 64));
        case 2:
            return end - 1 - random_() % 3;
        case 3:
            return 0 - end - random_() % 3;
        case 4: // the halves near ends of their own
            return (number_of_32() << 32) | number_of_32();
        default:
            return end + random_() % 3;
        }
    }

    // A set that holds it.
    Scalar around(std::uint64_t member) {
        Scalar set;
        const auto low = static_cast<std::uint32_t>(member);
        if (coin()) {
            const std::uint64_t unknown = coin() ? random_() & random_() : number();
            set.bits = {member & ~unknown, unknown};
        }
        if (coin()) {
            set.u = interval<std::uint64_t>(member);
        }
        if (coin()) {
            set.s = interval<std::int64_t>(static_cast<std::int64_t>(member));
        }
        if (coin()) {
            set.u_low = interval<std::uint32_t>(low);
        }
        if (coin()) {
            set.s_low = interval<std::int32_t>(static_cast<std::int32_t>(low));
        }
        if (random_() % 5 == 0) {
            set = Scalar::constant(member);
        }
        set.synchronise();
        EXPECT_TRUE(set.contains(member)) << std::hex << member;
        return set;
    }

    std::uint64_t any() { return random_(); }

  private:
    std::uint64_t number_of_32() {
        const std::uint64_t end = std::uint64_t{1} << (random_() % 33);
        return static_cast<std::uint32_t>(end - random_() % 3);
    }
    bool coin() { return (random_() & 1U) != 0; }

    // One that holds it: an end is often the number itself, or one of the width's.
    template <class Number>
    verify::Interval<Number> interval(Number member) {
        const auto a = static_cast<Number>(number());
        const auto b = static_cast<Number>(number());
        verify::Interval<Number> range{std::min(a, member), std::max(b, member)};
        range.min = random_() % 4 == 0 ? member : range.min;
        range.max = random_() % 4 == 0 ? member : range.max;
        return range;
    }

    std::mt19937_64 random_;
};

struct Pair {
    std::uint64_t x = 0, y = 0;
    Scalar a, b;
};
Pair pair_of(Draw& draw) {
    Pair pair;
    pair.x = draw.number();
    pair.y = draw.any() % 4 == 0 ? pair.x + draw.any() % 3 - 1 : draw.number();
    pair.a = draw.around(pair.x);
    pair.b = draw.around(pair.y);
    return pair;
}

std::string told(std::string_view what, const Pair& pair) {
    std::ostringstream text;
    text << what << std::hex << " of " << pair.x << " and " << pair.y;
    return text.str();
}

TEST(Wide, EveryRowHoldsEveryResultInBothForms) {
    Draw draw(64);
    for (int round = 0; round < kRounds; ++round) {
        Pair pair = pair_of(draw);
        if (round % 3 == 0) { // amounts of shifts that are amounts
            pair.y %= 70;
            pair.b = Scalar::constant(pair.y);
        }
        for (const spec::AluRow& row : spec::kAluRows) {
            ASSERT_TRUE(verify::transferred(row.op, pair.a, pair.b)
                            .contains(spec::apply(row.op, pair.x, pair.y)))
                << told(row.text, pair);
            const bool has_low_form = row.operand == spec::Operand::binary ||
                                      row.operand == spec::Operand::unary ||
                                      row.operand == spec::Operand::register_;
            const std::uint64_t low = spec::apply(row.op, static_cast<std::uint32_t>(pair.x),
                                                  static_cast<std::uint32_t>(pair.y));
            ASSERT_TRUE(!has_low_form ||
                        verify::transferred_low(row.op, pair.a, pair.b).contains(low))
                << told(row.text, pair) << " low";
        }
    }
}

TEST(Wide, ByteOrderKeepsWhatIsKnownOfEachBit) {
    using spec::AluOp;
    for (const AluOp op : {AluOp::be16, AluOp::be32, AluOp::be64, AluOp::bswap16, AluOp::bswap32,
                           AluOp::bswap64, AluOp::le16, AluOp::le32, AluOp::le64}) {
        for (unsigned bit = 0; bit < 64; ++bit) {
            Scalar set; // this bit is 1, nothing else is known
            set.bits = {std::uint64_t{1} << bit, ~(std::uint64_t{1} << bit)};
            set.intervals_from_bits();
            const std::uint64_t lone = spec::apply(op, std::uint64_t{1} << bit, std::uint64_t{0});
            const Scalar answer = verify::transferred(op, set, set);
            ASSERT_EQ(answer.bits.value, lone) << spec::row(op).text << " bit " << bit;
            ASSERT_EQ(answer.bits.greatest(), spec::apply(op, ~std::uint64_t{0}, std::uint64_t{0}));
        }
    }
}

TEST(Wide, EveryJumpDecidesAndRefinesWithoutLossInBothForms) {
    Draw draw(32);
    for (int round = 0; round < kRounds; ++round) {
        const Pair pair = pair_of(draw);
        for (const spec::JumpRow& row : spec::kJumpRows) {
            for (const Compared part : {Compared::whole, Compared::low}) {
                const bool taken = part == Compared::whole
                                       ? spec::taken(row.op, pair.x, pair.y)
                                       : spec::taken(row.op, static_cast<std::uint32_t>(pair.x),
                                                     static_cast<std::uint32_t>(pair.y));
                ASSERT_NE(verify::decided(row.op, part, pair.a, pair.b), std::optional(!taken))
                    << told(row.text, pair);
                Scalar left = pair.a;
                Scalar right = pair.b;
                verify::refine(row.op, part, taken, left, right);
                ASSERT_TRUE(left.contains(pair.x) && right.contains(pair.y))
                    << told(row.text, pair) << (part == Compared::low ? " low" : "")
                    << (taken ? " taken" : " not taken");
            }
        }
    }
}

TEST(Wide, NarrowingJoiningAndInclusionLoseNothing) {
    Draw draw(16);
    for (int round = 0; round < kRounds; ++round) {
        const Pair pair = pair_of(draw);
        for (const unsigned count : {8U, 16U, 32U, 64U}) {
            Scalar kept = pair.a;
            kept.keep_low_bits(count);
            const std::uint64_t low = pair.x & (~std::uint64_t{0} >> (64 - count));
            ASSERT_TRUE(kept.contains(low)) << told("low bits", pair) << std::dec << count;
            ASSERT_TRUE(Scalar::of_bits(count).contains(low));
        }
        Scalar extended = pair.a;
        extended.zero_extend_low();
        ASSERT_TRUE(extended.contains(static_cast<std::uint32_t>(pair.x)));
        const Scalar either = pair.a.join(pair.b);
        ASSERT_TRUE(either.contains(pair.x) && either.contains(pair.y)) << told("join", pair);
        ASSERT_TRUE(either.includes(pair.a) && either.includes(pair.b));
        ASSERT_TRUE(!pair.a.includes(pair.b) || pair.a.contains(pair.y)) << told("in", pair);
    }
}

} // namespace
} // namespace skep::tests::soundness
