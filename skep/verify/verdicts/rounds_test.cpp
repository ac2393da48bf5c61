// SPDX-License-Identifier: Apache-2.0
//
// Loops in which a path comes to a state whose paths have all come back into the loop, and differs
// from it in a number that mattered to none of them yet. Whether it matters is known only when the
// loop is done: stopping there would be too soon. Each program has a twin in which nothing differs.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/verify/verify.hpp"

namespace skep::verify {
namespace {

constexpr std::string_view kWork = "r3 = 1\nr3 = 2\nr3 = 3\nr3 = 4\nr3 = 5\nr3 = 6\ngoto +0\n"
                                   "r3 = 7\nr3 = 8\ngoto +0\nr3 = 9\ngoto +0\n";
// Writes a byte to [r10 - 64 + r7].
constexpr std::string_view kStore = "r1 = r10\nr1 += -64\nr1 += r7\n*(u8 *)(r1 + 0) = 1\n";
constexpr std::string_view kEnd = "r0 = 0\nexit\n";
// r8 is another random number in each round.
constexpr std::string_view kThrow = "call 7\nr8 = r0\n";

Outcome verdict_of(const std::string& text) {
    ProgramSpec program;
    program.type = spec::ProgramType::socket_filter;
    program.license = "GPL";
    program.insns = assemble(text).value().insns;
    return verify(program, Environment{});
}
template <class... Parts>
std::string joined(const Parts&... parts) {
    std::string text;
    ((text += parts), ...);
    return text;
}

// A round that leaves r7 alone is walked first, one that changes it second, one that uses it last.
TEST(Rounds, ANumberThatALaterPathOfTheLoopNeeds) {
    for (const int other : {5, 64}) {
        const std::string text =
            joined("r7 = 5\nhead:\nmay_goto out\n", kThrow,
                   "if r8 == 2 goto use\nif r8 == 1 goto change\nround:\n", kWork, "goto head\n",
                   fmt::format("change:\nr7 = {}\ngoto round\n", other), "use:\n", kStore,
                   "goto round\nout:\n", kEnd);
        EXPECT_EQ(verdict_of(text).verdict == Verdict::accept, other == 5) << other;
    }
}

TEST(Rounds, ANumberOnTheStackThatALaterPathOfTheLoopNeeds) {
    for (const int other : {5, 64}) {
        const std::string text =
            joined("r7 = 5\n*(u64 *)(r10 - 80) = r7\nhead:\nmay_goto out\n", kThrow,
                   "if r8 == 2 goto use\nif r8 == 1 goto change\nround:\n", kWork, "goto head\n",
                   fmt::format("change:\nr7 = {}\n*(u64 *)(r10 - 80) = r7\ngoto round\n", other),
                   "use:\nr7 = *(u64 *)(r10 - 80)\n", kStore, "goto round\nout:\n", kEnd);
        EXPECT_EQ(verdict_of(text).verdict == Verdict::accept, other == 5) << other;
    }
}

// The loop inside is done, and as far as that one goes the path might stop.
TEST(Rounds, ANumberThatTheLoopAroundNeeds) {
    for (const int other : {5, 64}) {
        const std::string text =
            joined("r7 = 5\nhead:\nmay_goto out\n", kThrow,
                   "if r8 == 2 goto use\ninside:\nmay_goto next\n", kThrow,
                   "if r8 == 1 goto change\nround:\n", kWork, "goto inside\n",
                   fmt::format("change:\nr7 = {}\ngoto round\n", other), "next:\n", kWork,
                   "goto head\n", "use:\n", kStore, "goto next\nout:\n", kEnd);
        EXPECT_EQ(verdict_of(text).verdict == Verdict::accept, other == 5) << other;
    }
}

// The one that is needed comes from one that was not.
TEST(Rounds, OneNumberAfterAnother) {
    for (const int other : {5, 64}) {
        const std::string text =
            joined("r7 = 5\nr6 = 5\nhead:\nmay_goto out\n", kThrow,
                   "if r8 == 3 goto use\nif r8 == 2 goto pass\nif r8 == 1 goto change\nround:\n",
                   kWork, "goto head\n", fmt::format("change:\nr6 = {}\ngoto round\n", other),
                   "pass:\nr7 = r6\ngoto round\nuse:\n", kStore, "goto round\nout:\n", kEnd);
        EXPECT_EQ(verdict_of(text).verdict == Verdict::accept, other == 5) << other;
    }
}

// That the path needs what the state needed makes another number matter, which it changed itself.
TEST(Rounds, ANumberThatMattersByStoppingThere) {
    for (const int other : {5, 64}) {
        const std::string text =
            joined("r6 = 5\nr7 = 5\nhead:\nmay_goto out\n", kThrow,
                   "if r8 == 1 goto second\nr9 = r6\nround:\n", kWork,
                   "r1 = r10\nr1 += -64\nr1 += r9\n*(u8 *)(r1 + 0) = 1\n", "goto head\n",
                   fmt::format("second:\nr9 = r7\nr7 = {}\ngoto round\nout:\n", other), kEnd);
        EXPECT_EQ(verdict_of(text).verdict == Verdict::accept, other == 5) << other;
    }
}

} // namespace
} // namespace skep::verify
