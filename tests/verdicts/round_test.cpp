// SPDX-License-Identifier: Apache-2.0
//
// Loops through iterators and may_goto: when a round adds nothing new, and which numbers
// are forgotten on the way. The kernel must agree, and walk as many instructions.
#include <gtest/gtest.h>

#include "tests/support/kernel_program.hpp"
#include "tests/verdicts/judged_text.hpp"

namespace skep::tests {
namespace {

constexpr spec::ProgramType kType = spec::ProgramType::sched_cls;

class Rounds : public WithKernelTypes {
  protected:
    // "accepted", or the last line of a refusal.
    std::string verdict(const std::string& text) {
        const JudgedText judged = judge_text(text, *types_, kType);
        if (kernel_is_available()) {
            expect_of_kernel(judged);
        }
        return judged.words();
    }

  private:
    static void expect_of_kernel(const JudgedText& judged) {
        const verify::Outcome& outcome = judged.outcome;
        const auto loaded = KernelProgram::load(judged.program.insns, kType);
        ASSERT_EQ(loaded.ok(), judged.accepted())
            << outcome.log << (loaded.ok() ? "" : loaded.error().message);
        if (!loaded.ok()) {
            EXPECT_NE(loaded.error().message.find(outcome.message), std::string::npos)
                << loaded.error().message;
            return;
        }
        const auto processed = KernelProgram::insns_processed(judged.program.insns, kType);
        ASSERT_TRUE(processed.ok()) << processed.error().message;
        EXPECT_EQ(outcome.statistics.insns_processed, *processed) << outcome.log;
    }
};

// An iterator at a place of the stack.
std::string made(const std::string& place, const std::string& end = "9") {
    return "r1 = r10\nr1 += " + place + "\nr2 = 0\nr3 = " + end + "\ncall @bpf_iter_num_new\n";
}
std::string next(const std::string& place) {
    return "r1 = r10\nr1 += " + place + "\ncall @bpf_iter_num_next\n";
}
std::string ended(const std::string& place) {
    return "r1 = r10\nr1 += " + place + "\ncall @bpf_iter_num_destroy\n";
}
const std::string kAnswer = "r0 = 0\nexit\n";

// A round of one call is compared with a round of the same call: what another call of the function
// was given says nothing of this one's numbers.
TEST_F(Rounds, AreThoseOfOneCall) {
    const std::string call_with = "r1 = r10\nr1 += -8\nr2 = ";
    EXPECT_EQ(verdict(made("-8") + call_with + "4\ncall fill\n" + ended("-8") + made("-8") +
                      call_with + "8\ncall fill\n" + ended("-8") + kAnswer +
                      "fill:\nr6 = r1\nr7 = r2\nagain:\nr1 = r6\ncall @bpf_iter_num_next\n"
                      "if r0 == 0 goto done\nr1 = *(u32 *)(r0 + 0)\nif r1 >= r7 goto done\n"
                      "r2 = r10\nr2 += -8\nr2 += r1\n*(u8 *)(r2 + 0) = 1\ngoto again\n"
                      "done:\nr0 = 0\nexit\n"),
              "accepted");
}

// r7 is from 0 to 3 in every round, but linked to r8 in the second only. So it counts as changed,
// and as nothing relied on it yet, it may be anything.
TEST_F(Rounds, ANumberThatGetsLinkedChanges) {
    EXPECT_EQ(verdict("call bpf_get_prandom_u32\nr7 = r0\nr7 &= 3\nr9 = 0\n" + made("-8") +
                      "again:\n" + next("-8") +
                      "if r0 == 0 goto out\nif r9 == 0 goto first\nr1 = r10\nr1 += -16\n"
                      "r1 += r7\n*(u8 *)(r1 + 0) = 1\ngoto again\n"
                      "first:\nr9 = 1\nr8 = r7\ngoto again\nout:\n" +
                      ended("-8") + kAnswer),
              "math between fp pointer and register with unbounded min value is not allowed");
}

// What was not set in the round before is new in this one.
TEST_F(Rounds, ARegisterThatIsSetInTheBodyIsNew) {
    EXPECT_EQ(verdict("r8 = 0\n" + made("-8") + "again:\n" + next("-8") +
                      "if r0 == 0 goto out\nr8 = 1\nr6 = *(u32 *)(r0 + 0)\ngoto again\nout:\n" +
                      ended("-8") + "if r8 == 0 goto end\nr1 = r6\nend:\n" + kAnswer),
              "accepted");
}

// The same for bytes of the stack, though nobody reads them.
TEST_F(Rounds, BytesThatAreSetInTheBodyAreNew) {
    EXPECT_EQ(verdict("*(u64 *)(r10 - 96) = 0\n" + made("-8") + "again:\n" + next("-8") +
                      "if r0 == 0 goto out\n*(u8 *)(r10 - 80) = 1\ngoto again\nout:\n" +
                      ended("-8") + kAnswer),
              "accepted");
}

TEST_F(Rounds, ThatAreInsideAnothersRoundAreItsProgress) {
    EXPECT_EQ(verdict("r6 = 0\n" + made("-8") + "outer:\n" + next("-8") +
                      "if r0 == 0 goto out\nr7 = *(u32 *)(r0 + 0)\n" + made("-16") + "inner:\n" +
                      next("-16") + "if r0 == 0 goto end\nr6 += r7\ngoto inner\nend:\n" +
                      ended("-16") + "goto outer\nout:\n" + ended("-8") + kAnswer),
              "accepted");
}

// A number that was linked to nothing stands for one that is, by any distance.
TEST_F(Rounds, AnUnlinkedNumberStandsForALinkedOne) {
    EXPECT_EQ(verdict("r6 = *(u32 *)(r1 + 0)\nif r6 > 999 goto out\nagain:\nmay_goto out\n"
                      "r2 = r6\nr2 &= 7\nr3 = r10\nr3 += -8\nr3 += r2\n*(u8 *)(r3 + 0) = 1\n"
                      "r6 += 1\nif r6 < 1000 goto again\nout:\n" +
                      kAnswer),
              "accepted");
}

} // namespace
} // namespace skep::tests
