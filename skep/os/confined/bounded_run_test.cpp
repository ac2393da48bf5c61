// SPDX-License-Identifier: Apache-2.0
#include "skep/os/confined/bounded_run.hpp"

#include <cstdio>
#include <cstdlib>

#include <gmock/gmock.h>

namespace skep::os {
namespace {

using ::testing::HasSubstr;

// Memory that is really used, so that the compiler does not leave it out.
std::size_t use_up_memory() {
    std::vector<std::vector<char>> all;
    while (all.size() < 100'000) {
        all.emplace_back(1U << 20, 'x');
    }
    return all.size();
}

TEST(BoundedRun, BringsBackWhatTheWorkAnswers) {
    const ByteVector wanted(200'000, 7);
    const auto answer = run_bounded({}, [&] { return wanted; });
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    EXPECT_EQ(*answer, wanted);
}

TEST(BoundedRun, ChangesNothingHere) {
    int number = 1;
    ASSERT_TRUE(run_bounded({}, [&] {
                    number = 2;
                    return ByteVector();
                }).ok());
    EXPECT_EQ(number, 1);
}

TEST(BoundedRun, EndsWorkThatHangs) {
    const auto answer = run_bounded({.milliseconds = 50}, []() -> ByteVector {
        for (volatile bool goes_on = true; goes_on;) {
        }
        return {};
    });
    ASSERT_FALSE(answer.ok());
    EXPECT_THAT(answer.error().message, HasSubstr("50 ms"));
}

TEST(BoundedRun, TellsTheLastWordsOfWorkThatDies) {
    const auto answer = run_bounded({}, []() -> ByteVector {
        std::fputs("the reason\n", stderr);
        std::abort();
    });
    ASSERT_FALSE(answer.ok());
    EXPECT_THAT(answer.error().message, HasSubstr("SIGABRT"));
    EXPECT_THAT(answer.error().message, HasSubstr("the reason"));
}

TEST(BoundedRun, EndsWorkThatUsesTooMuchMemory) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "a sanitizer keeps its own memory";
#endif
    const auto answer = run_bounded({.milliseconds = 20'000, .private_bytes = 64U << 20},
                                    [] { return ByteVector(use_up_memory() % 2); });
    EXPECT_FALSE(answer.ok());
}

TEST(BoundedRun, EndsAnAnswerThatIsTooLong) {
    const auto answer = run_bounded({.answer_bytes = 1000}, [] { return ByteVector(1U << 20); });
    ASSERT_FALSE(answer.ok());
    EXPECT_THAT(answer.error().message, HasSubstr("answer"));
}

} // namespace
} // namespace skep::os
