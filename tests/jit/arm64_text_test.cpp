// SPDX-License-Identifier: Apache-2.0
//
// Code for arm64, made on whatever machine this is and read back by llvm-mc: every word is an
// instruction, and what is folded into one is. That it computes the right thing is found out where
// it runs (tools/test_arm64). Skipped where llvm-mc is not found.
#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/run/jit/compile.hpp"
#include "skep/run/jit/testing/disassembled.hpp"
#include "tests/support/program_generator.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

ByteVector code_for_arm64(const std::vector<RawInsn>& insns, std::uint64_t blinding = 0) {
    auto image = run::jit::compile(unchecked(insns), {},
                                   {.machine = run::jit::Machine::arm64, .blinding = blinding});
    EXPECT_TRUE(image.ok());
    return image.ok() ? image->code : ByteVector();
}

// Word by word; empty when llvm-mc is not installed.
std::vector<std::string> disassembled(const ByteVector& code) {
    std::vector<ByteVector> words;
    for (auto at = code.begin(); at != code.end(); at += 4) {
        words.emplace_back(at, at + 4);
    }
    return run::jit::testing::disassembled(words, "--triple=aarch64 -mattr=+lse")
        .value_or(std::vector<std::string>());
}

TEST(CodeForArm64, IsMadeOfInstructions) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        std::mt19937_64 random(seed);
        const ByteVector code =
            code_for_arm64(generate_program(random), seed % 2 == 0 ? 0 : 0x1234567890abcdef);
        const std::vector<std::string> lines = disassembled(code);
        if (lines.empty()) {
            GTEST_SKIP() << "llvm-mc is not installed";
        }
        EXPECT_EQ(lines.size(), code.size() / 4) << "seed " << seed;
    }
}

const std::vector<std::string> kRunBegins{"stp x17, x11, [sp, #-16]!", "stp x29, x30, [sp, #-16]!",
                                          "mov x9, sp", "str x9, [x25, #72]"};
const std::vector<std::string> kRunEnds{"mov x0, x7", "str xzr, [x25, #72]",
                                        "ldp x29, x30, [sp], #16", "ldp x17, x25, [sp], #16",
                                        "ret"};

// What stands between the beginning and the end of a run, which every program has.
void expect_text(std::string_view program, const std::vector<std::string>& wanted) {
    const auto assembled = assemble(program);
    ASSERT_TRUE(assembled.ok()) << assembled.error().message;
    const std::vector<std::string> lines = disassembled(code_for_arm64(assembled->insns));
    if (lines.empty()) {
        GTEST_SKIP() << "llvm-mc is not installed";
    }
    std::vector<std::string> whole{"mov x11, x25", "mov x25, x1"};
    ASSERT_GT(lines.size(), whole.size());
    whole.push_back(lines[whole.size()]); // where the run ends, by its distance
    EXPECT_THAT(whole.back(), testing::StartsWith("adr x17, #"));
    for (const auto* part : {&kRunBegins, &wanted, &kRunEnds}) {
        whole.insert(whole.end(), part->begin(), part->end());
    }
    EXPECT_EQ(lines, whole);
}

TEST(CodeForArm64, OfALeafFoldsAddresses) {
    expect_text("r3 = r1\nr3 += r2\nr0 = *(u32 *)(r3 + 0)\nr4 = *(u16 *)(r1 + 14)\n"
                "r5 = *(s8 *)(r1 - 3)\nr0 += r4\nr0 += r5\nexit",
                {"ldr w7, [x0, x1]", "ldrh w3, [x0, #14]", "ldursb x4, [x0, #-3]", "add x7, x7, x3",
                 "add x7, x7, x4"});
}

TEST(CodeForArm64, ComparesAndJumpsInOneWhereItCan) {
    expect_text("r0 = 0\nif r1 == 0 goto out\nif w1 & 16 goto out\nif r1 s< 0 goto out\n"
                "if r1 > -5 goto out\nif r1 & 6 goto out\nr0 = -1\nout:\nexit",
                {"mov x7, #0", "cbz x0, #32", "tbnz w0, #4, #28", "tbnz x0, #63, #24", "cmn x0, #5",
                 "b.hi #16", "tst x0, #0x6", "b.ne #8", "mov x7, #-1"});
}

TEST(CodeForArm64, DividesWithoutAsking) {
    expect_text("r0 = r1\nr0 %= r2\nw0 s/= w3\nr0 /= 10\nr0 %= 8\nexit",
                {"mov x7, x0", "udiv x10, x7, x1", "msub x7, x10, x1, x7", "sdiv w7, w7, w2",
                 "mov x9, #-3689348814741910324", "movk x9, #52429", "umulh x9, x7, x9",
                 "lsr x9, x9, #3", "mov x7, x9", "and x7, x7, #0x7"});
}

} // namespace
} // namespace skep::tests
