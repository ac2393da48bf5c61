// SPDX-License-Identifier: Apache-2.0
//
// The extended mode: programs that walking path after path gives up on, each with a twin that looks
// like it and is not safe.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/verify/verify.hpp"

namespace skep::verify {
namespace {

constexpr std::string_view kRandom = "call 7\nr6 = r0\n"; // bpf_get_prandom_u32

Outcome verdict(const std::string& text, Mode mode, std::uint64_t limit = 100'000) {
    ProgramSpec program;
    program.type = spec::ProgramType::socket_filter;
    program.license = "GPL";
    program.insns = assemble(text).value().insns;
    Environment environment;
    environment.instruction_limit = limit;
    return verify(program, environment, mode);
}

// Accepted by joining, in about so many instructions for each of the program's.
::testing::AssertionResult is_accepted_by_joining(const std::string& text, std::uint64_t factor) {
    const Outcome kernel = verdict(text, Mode::kernel);
    if (kernel.verdict != Verdict::reject || kernel.findings.front().code != "E0701") {
        return ::testing::AssertionFailure() << "the kernel's mode does not give up on it";
    }
    const Outcome outcome = verdict(text, Mode::extended);
    if (outcome.verdict != Verdict::accept) {
        const Finding& finding = outcome.findings.front();
        return ::testing::AssertionFailure()
               << finding.code << " at " << finding.place.insn.value << ": " << finding.because;
    }
    const std::uint64_t size = assemble(text).value().insns.size();
    if (!outcome.by_joining || outcome.statistics.insns_processed > factor * size) {
        return ::testing::AssertionFailure()
               << outcome.statistics.insns_processed << " processed for " << size;
    }
    return ::testing::AssertionSuccess();
}
::testing::AssertionResult is_refused(const std::string& text) {
    const Outcome outcome = verdict(text, Mode::extended);
    return outcome.verdict == Verdict::reject
               ? ::testing::AssertionSuccess()
               : ::testing::AssertionFailure() << "accepted, by joining: " << outcome.by_joining;
}

// For each of `count` bits of a random number: r7 counts it, and r8 gets its weight.
std::string bits(unsigned count) {
    std::string text = std::string(kRandom) + "r7 = 0\nr8 = 0\n";
    for (unsigned bit = 0; bit < count; ++bit) {
        text +=
            fmt::format("if r6 & {} goto +1\ngoto +2\nr7 += 1\nr8 += {}\n", 1U << bit, 1U << bit);
    }
    return text;
}
// Writes a byte to [r10 - 64 + index].
std::string store_at(std::string_view index) {
    return fmt::format("r1 = r10\nr1 += -64\nr1 += {}\n*(u8 *)(r1 + 0) = 1\nr0 = 0\nexit\n", index);
}

TEST(Extended, ManyBranchesOnBitsOfOneValue) {
    const std::string weights = "r8 &= 1\nr7 += r8\n";
    EXPECT_TRUE(is_accepted_by_joining(bits(20) + weights + store_at("r7"), 4));
    EXPECT_TRUE(is_accepted_by_joining(bits(30) + weights + store_at("r7"), 4));
    // 64 bytes hold the indexes 0 to 63.
    EXPECT_TRUE(is_refused(bits(20) + weights + "r7 += 44\n" + store_at("r7")));
    EXPECT_TRUE(is_refused(bits(20) + store_at("r8")));
}

TEST(Extended, ASumOfRandomBitsMaskedToAnIndex) {
    EXPECT_TRUE(is_accepted_by_joining(bits(18) + "r8 &= 63\n" + store_at("r8"), 4));
    EXPECT_TRUE(is_refused(bits(18) + "r8 &= 127\n" + store_at("r8")));
}

TEST(Extended, ThousandsOfComparisons) {
    const auto comparisons = [](unsigned count) {
        std::string text = std::string(kRandom) + "r7 = 0\n";
        for (unsigned i = 0; i < count; ++i) {
            text += fmt::format("if r6 == {} goto +{}\n", i * 7 + 3, count - i);
        }
        return text + "r7 = 1\n";
    };
    EXPECT_TRUE(is_accepted_by_joining(comparisons(9'000) + store_at("r7"), 4));
    EXPECT_TRUE(is_refused(comparisons(9'000) + "r7 *= 64\n" + store_at("r7")));
}

TEST(Extended, AJoinKeepsApartWhatIsNoNumber) {
    // r7 is a pointer to the stack on one side, a number on the other.
    const std::string text = bits(20) + "if r6 == 5 goto +2\nr9 = r10\ngoto +1\nr9 = 0\n"
                                        "if r6 == 5 goto +1\n";
    EXPECT_TRUE(is_refused(text + "*(u64 *)(r9 - 8) = 1\n*(u64 *)(r9 - 8) = 1\nr0 = 0\nexit\n"));
}

// r7 counts from `from`, by `step`, while `condition` holds at the end of a round.
std::string counting(std::string_view from, std::string_view round, std::string_view condition) {
    return fmt::format("{}r7 = {}\nr8 = 0\n{}if {} goto -{}\n", kRandom, from, round, condition,
                       std::count(round.begin(), round.end(), '\n') + 1);
}
constexpr std::string_view kEnd = "r0 = 0\nexit\n";

TEST(Extended, LongCountedLoops) {
    const auto loop = [](std::string_view from, std::string_view round,
                         std::string_view condition) {
        return counting(from, round, condition) + std::string(kEnd);
    };
    EXPECT_TRUE(is_accepted_by_joining(loop("0", "r8 += r6\nr7 += 1\n", "r7 < 10000000"), 40));
    EXPECT_TRUE(is_accepted_by_joining(loop("0", "r8 += r6\nr7 += 1\n", "r7 != 10000000"), 40));
    EXPECT_TRUE(is_accepted_by_joining(loop("0", "r8 += r6\nw7 += 1\n", "w7 < 10000000"), 40));
    EXPECT_TRUE(is_accepted_by_joining(loop("10000000", "r8 += r6\nr7 += -1\n", "r7 != 0"), 40));
    EXPECT_TRUE(is_accepted_by_joining(loop("0", "r8 += r6\nr7 += 3\n", "r7 s< 10000000"), 40));
}

TEST(Extended, LoopsThatNeedNotEnd) {
    const auto loop = [](std::string_view from, std::string_view round,
                         std::string_view condition) {
        return counting(from, round, condition) + std::string(kEnd);
    };
    // Steps over the end and wraps; goes the wrong way; does not move; moves on one side alone.
    EXPECT_TRUE(is_refused(loop("1", "r8 += r6\nr7 += 2\n", "r7 != 10000000")));
    EXPECT_TRUE(is_refused(loop("1", "r8 += r6\nw7 += 2\n", "w7 != 10000000")));
    EXPECT_TRUE(is_refused(loop("0", "r8 += r6\nr7 += -1\n", "r7 != 10000000")));
    EXPECT_TRUE(is_refused(loop("0", "r8 += 1\nr8 += r6\n", "r7 < 10000000")));
    EXPECT_TRUE(is_refused(loop("0", "if r6 & 1 goto +1\nr7 += 1\n", "r7 < 10000000")));
    EXPECT_TRUE(is_refused(loop("0", "r7 += 1\nif r6 != 7 goto +1\nr7 = 0\n", "r7 < 10000000")));
    EXPECT_TRUE(is_refused(loop("0", "r7 += 1\ncall 7\nr7 -= r0\n", "r7 < 10000000")));
}

TEST(Extended, WhatALoopCountsIsBoundedInside) {
    const std::string round = "r1 = r7\nr1 &= 63\nr2 = r10\nr2 += -64\nr2 += r1\n"
                              "*(u8 *)(r2 + 0) = 1\nr7 += 1\n";
    EXPECT_TRUE(
        is_accepted_by_joining(counting("0", round, "r7 < 10000000") + std::string(kEnd), 40));
    std::string wide = round;
    wide.replace(wide.find("63"), 2, "64");
    EXPECT_TRUE(is_refused(counting("0", wide, "r7 < 10000000") + std::string(kEnd)));
}

TEST(Extended, ACounterMayLieOnTheStack) {
    const std::string_view begin = "r1 = 0\n*(u64 *)(r10 - 8) = r1\n";
    const std::string_view round = "r1 = *(u64 *)(r10 - 8)\nr1 += 1\n*(u64 *)(r10 - 8) = r1\n";
    const std::string safe = fmt::format("{}{}if r1 < 10000000 goto -4\n{}", begin, round, kEnd);
    EXPECT_TRUE(is_accepted_by_joining(safe, 40));
    // Somebody else writes it: through another register, or a helper in the loop.
    const std::string aliased = fmt::format(
        "{}r6 = r10\nr6 += -8\nr2 = 0\n{}*(u64 *)(r6 + 0) = r2\nif r1 < 10000000 goto -5\n{}",
        begin, round, kEnd);
    EXPECT_TRUE(is_refused(aliased));
}

TEST(Extended, LoopsInsideLoopsMultiply) {
    const auto nested = [](std::string_view inner_step, unsigned rounds) {
        return fmt::format("r6 = 0\nr7 = 0\n{}if r7 < {} goto -2\nr6 += 1\nif r6 < {} goto -5\n{}",
                           inner_step, rounds, rounds, kEnd);
    };
    EXPECT_TRUE(is_accepted_by_joining(nested("r7 += 1\n", 30'000), 60));
    EXPECT_TRUE(is_refused(nested("r7 += 1\n", 10'000'000))) << "10^14 rounds";
    EXPECT_TRUE(is_refused(nested("r7 += 0\n", 1'000)));
}

TEST(Extended, AFunctionIsWalkedForEachCall) {
    // r1 is masked in the callee; its result indexes the caller's stack.
    const std::string text = bits(20) + "r1 = r8\ncall +6\nr1 = r10\nr1 += -64\nr1 += r0\n";
    const std::string end = "*(u8 *)(r1 + 0) = 1\nr0 = 0\nexit\n";
    EXPECT_TRUE(is_accepted_by_joining(text + end + "r0 = r1\nr0 &= 63\nexit\n", 5));
    EXPECT_TRUE(is_refused(text + end + "r0 = r1\nr0 &= 64\nexit\n"));
}

TEST(Extended, AReferenceThatIsLostOnOneSideStaysLost) {
    // bpf_ringbuf_reserve needs a map, so a socket of bpf_sk_lookup would be no shorter: a
    // reference cannot be had here; unset registers can.
    const std::string text = bits(20) + "if r6 == 5 goto +1\nr9 = 1\nr0 = r9\nexit\n";
    EXPECT_TRUE(is_refused(text)) << "r9 is unset on one side";
}

TEST(Extended, WhatTheKernelDecidesStaysTheKernelsVerdict) {
    const Outcome simple = verdict("r0 = 0\nexit\n", Mode::extended);
    EXPECT_EQ(simple.verdict, Verdict::accept);
    EXPECT_FALSE(simple.by_joining);
    const Outcome looping = verdict("r0 = 0\nif r0 == 0 goto -1\nexit\n", Mode::extended);
    EXPECT_EQ(looping.verdict, Verdict::reject);
}

} // namespace
} // namespace skep::verify
