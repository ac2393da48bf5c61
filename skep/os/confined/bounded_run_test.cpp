// SPDX-License-Identifier: Apache-2.0
#include "skep/os/confined/bounded_run.hpp"

#include <cstdio>
#include <cstdlib>

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

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

// Its end of the pipe is closed, as if it had answered.
TEST(BoundedRun, EndsWorkThatHangsAfterItsAnswer) {
    const auto answer = run_bounded({.milliseconds = 50}, []() -> ByteVector {
        for (int fd = 3; fd < 64; ++fd) {
            ::close(fd);
        }
        for (volatile bool goes_on = true; goes_on;) {
        }
        return {};
    });
    ASSERT_FALSE(answer.ok());
    EXPECT_THAT(answer.error().message, HasSubstr("50 ms"));
}

TEST(BoundedRun, EndsWorkThatPrintsWithoutEnd) {
    const auto answer = run_bounded({.milliseconds = 20'000}, []() -> ByteVector {
        for (volatile bool goes_on = true; goes_on;) {
            std::fputs("more of the same\n", stderr);
        }
        return {};
    });
    ASSERT_FALSE(answer.ok());
    EXPECT_THAT(answer.error().message, HasSubstr("SIGXFSZ"));
    EXPECT_THAT(answer.error().message, HasSubstr("more of the same"));
}

TEST(BoundedRun, HandsOnNothingThatIsOpen) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(::pipe(ends), 0);
    const int high = ::dup2(ends[1], 50);
    ASSERT_EQ(high, 50);
    const auto answer = run_bounded({}, [&] {
        const bool reached = ::write(high, "x", 1) == 1;
        return ByteVector(1, reached ? 1 : 0);
    });
    for (const int fd : {ends[0], ends[1], high}) {
        ::close(fd);
    }
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    EXPECT_EQ(*answer, ByteVector(1, 0));
}

TEST(BoundedRun, WithBoundsBeyondAllNumbersOrOnesOwnLimitsRuns) {
    const Bounds endless{~0U, ~0ULL, ~0ULL, ~0ULL};
    EXPECT_TRUE(run_bounded(endless, [] { return ByteVector(1, 1); }).ok());
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer's memory is beyond any limit";
#endif
    const pid_t child = ::fork(); // there is no way back from a limit
    ASSERT_GE(child, 0);
    if (child == 0) {
        const rlimit own{1ULL << 40, 1ULL << 40};
        const bool is_limited = ::setrlimit(RLIMIT_DATA, &own) == 0 &&
                                (::getuid() != 0 || ::setresuid(65534, 65534, 65534) == 0);
        const bool ran = run_bounded(endless, [] { return ByteVector(1, 1); }).ok();
        ::_exit(is_limited && ran ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
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
