// SPDX-License-Identifier: Apache-2.0
//
// Every abstract operation, exhaustively at four bits: no pair of members loses its result.
#include <gtest/gtest.h>

#include "skep/spec/instructions.hpp"
#include "tests/soundness/domain/comparison.hpp"

namespace skep::tests::soundness {
namespace {

TEST(Nibble, DescriptionsAreTheirOwnBestAndContainWhatTheySay) {
    EXPECT_GT(elements().size(), 3000U);
    for (const Element& element : elements()) {
        ASSERT_EQ(members(element.set), element.members);
        for (unsigned x = 0; x < kNumbers; ++x) {
            ASSERT_EQ(element.set.contains(static_cast<std::uint8_t>(x)),
                      (element.members >> x & 1U) != 0);
        }
    }
}

// One choice in 13 of the 150 million; the tool domain_precision tries all.
TEST(Nibble, PartsTightenEachOtherWithoutLoss) { EXPECT_EQ(measure_synchronise(13).lost, ""); }
TEST(Nibble, NarrowingLosesNothing) { EXPECT_EQ(measure_narrowing(61).lost, ""); }
TEST(Nibble, JoinMeetAndInclusionAreThoseOfSets) { EXPECT_EQ(measure_join().lost, ""); }
TEST(Nibble, SignExtensionLosesNothing) { EXPECT_EQ(measure_sign_extension().lost, ""); }

class Rows : public testing::TestWithParam<std::size_t> {};

TEST_P(Rows, LoseNoResult) {
    if (!has_bytes_in_order(GetParam())) {
        EXPECT_EQ(measure_operation(GetParam(), Form::whole).lost, "");
        EXPECT_EQ(measure_operation(GetParam(), Form::low).lost, "");
    }
}

// The sanitizers look for what is undefined, not for what is wrong: for that some pairs do.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr unsigned kOnePairIn = 17;
#else
constexpr unsigned kOnePairIn = 1;
#endif

class Jumps : public testing::TestWithParam<std::size_t> {};

TEST_P(Jumps, LoseNoPairOnEitherEdge) {
    for (const Form form : {Form::whole, Form::low}) {
        EXPECT_EQ(measure_jump(GetParam(), form, true, kOnePairIn).lost, "");
        EXPECT_EQ(measure_jump(GetParam(), form, false, kOnePairIn).lost, "");
    }
}

std::string row_name(const testing::TestParamInfo<std::size_t>& info) {
    return std::string(spec::kAluRows[info.param].text);
}
std::string jump_name(const testing::TestParamInfo<std::size_t>& info) {
    return std::string(spec::kJumpRows[info.param].text);
}

INSTANTIATE_TEST_SUITE_P(Nibble, Rows, testing::Range(std::size_t{0}, spec::kAluRows.size()),
                         row_name);
INSTANTIATE_TEST_SUITE_P(Nibble, Jumps, testing::Range(std::size_t{0}, spec::kJumpRows.size()),
                         jump_name);

} // namespace
} // namespace skep::tests::soundness
