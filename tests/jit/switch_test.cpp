// SPDX-License-Identifier: Apache-2.0
//
// Trees of comparisons of one value, which the optimising tier makes switches of again: by hand, as
// compilers write them, and at random. Every engine answers what the interpreter does, for each
// number that a tree compares with, those beside it, and the ends of all ranges.
#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "tests/support/engines.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

std::vector<std::uint64_t> around(const std::vector<std::int32_t>& numbers) {
    std::vector<std::uint64_t> all;
    const auto add = [&](std::uint64_t one) { all.insert(all.end(), {one - 1, one, one + 1}); };
    for (const std::int32_t number : numbers) {
        const auto whole = static_cast<std::uint64_t>(std::int64_t{number});
        add(whole);
        add(whole & 0xffffffff);
        add(whole | 1ULL << 32);
    }
    for (const std::uint64_t end : {0ULL, 1ULL << 31, 1ULL << 32, 1ULL << 63}) {
        add(end);
    }
    return all;
}

// The value is in R6, all of it; what comes to R0 is the answer.
void agree(const std::string& tree, const std::vector<std::int32_t>& numbers) {
    const std::string text = "r6 = *(u64 *)(r1 + 0)\n" + tree;
    const auto assembled = assemble(text);
    ASSERT_TRUE(assembled.ok()) << assembled.error().message << text;
    const auto program = unchecked(assembled->insns);
    std::vector<std::unique_ptr<run::Executable>> executables;
    for (const Engine& engine : engines()) {
        auto made = engine.make(program, {});
        ASSERT_TRUE(made.ok()) << made.error().message;
        executables.push_back(std::move(*made));
    }
    for (std::uint64_t value : around(numbers)) {
        helpers::Invocation invocation;
        const std::uint64_t wanted = executables.front()->run(&value, invocation);
        for (std::size_t i = 1; i < executables.size(); ++i) {
            EXPECT_EQ(executables[i]->run(&value, invocation), wanted)
                << engines()[i].name << " for " << value << '\n'
                << text;
        }
    }
}

// As clang writes a switch of 0 to 6 with a default: signed comparisons, and one target that is
// reached by what is too large and by what is below zero.
TEST(Switch, AsCompilersWriteThem) {
    for (const std::string_view reg : {"r", "w"}) {
        agree(fmt::format(R"(
    r0 = 0
    if {0}6 s> 3 goto upper
    if {0}6 s> 1 goto middle
    if {0}6 == 0 goto zero
    if {0}6 == 1 goto one
    goto other
middle:
    if {0}6 == 2 goto two
    r0 = 33
    exit
upper:
    if {0}6 s> 5 goto top
    r0 = 44
    if {0}6 == 4 goto out
    r0 = 55
out:
    exit
top:
    if {0}6 == 6 goto six
other:
    r0 += 99
    exit
zero:
    r0 = 10
    goto other
one:
    r0 = 11
    exit
two:
    r0 = 22
    exit
six:
    r0 = 66
    goto other
)",
                          reg),
              {0, 1, 2, 3, 4, 5, 6, 7});
    }
}

// A target asks whence: what was set between two comparisons.
TEST(Switch, WithNumbersSetOnTheWay) {
    agree(R"(
    r0 = 1
    if r6 == 10 goto out
    r0 = 2
    if r6 == 20 goto out
    r0 = 3
    if r6 == 30 goto out
    r0 = 4
    if r6 > 40 goto out
    r0 = 5
    if r6 == 35 goto out
    r0 = 6
out:
    exit
)",
          {10, 20, 30, 35, 40});
}

// Comparisons of one value round and round: no tree has a way back.
TEST(Switch, InALoopOfComparisons) {
    agree(R"(
    r0 = 0
    r7 = 0
again:
    r7 += 1
    if r7 > 20 goto out
    if r6 == 1 goto one
    if r6 == 2 goto two
    if r6 == 3 goto again
    if r6 == 4 goto again
    if r6 == 5 goto two
out:
    exit
one:
    r0 += 3
    r6 = 5
    goto again
two:
    r0 += 5
    r6 -= 1
    goto again
)",
          {1, 2, 3, 4, 5});
}

// Rounds that add up what a switch says, of which vectors can be made.
TEST(Switch, InALoopThatAddsUp) {
    agree(R"(
    r0 = 0
    r7 = 0
again:
    r8 = r7
    r8 ^= r6
    r8 &= 15
    if r8 == 1 goto one
    if r8 == 2 goto two
    if r8 == 3 goto one
    if r8 == 14 goto next
    if r8 == 9 goto two
    r0 += 1000
    goto next
one:
    r0 += 1
    goto next
two:
    r0 += 30
next:
    r7 += 1
    if r7 != 61 goto again
    exit
)",
          {0, 1, 2, 9, 14});
}

enum class Form : bool { tree, loop };

class Writer {
  public:
    Writer(std::uint32_t seed, Form form) : random_(seed) {
        for (std::int32_t at = number(-40, 40); numbers_.size() < 12; at += number(1, 9)) {
            numbers_.push_back(at);
        }
        if (number(0, 3) == 0) {
            numbers_.push_back(0x7fffffff);
            numbers_.front() = -0x7fffffff - 1;
        }
        text_ = form == Form::tree ? "r0 = 0\nr7 = 1\n"
                                   : "r8 = r6\nr9 = 0\nr0 = 0\nagain:\nr6 = r9\nr6 ^= r8\n"
                                     "r6 &= 127\nr6 -= 40\nr7 = 1\n";
        write(number(2, 5));
        for (int leaf = 0; leaf < kLeaves; ++leaf) {
            text_ += fmt::format("leaf{0}:\nr0 += {0}\nr0 += r7\n{1}\n", leaf,
                                 form == Form::tree ? "exit" : "goto next");
        }
        text_ += form == Form::tree ? "" : "next:\nr9 += 1\nif r9 != 75 goto again\nexit\n";
    }
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] const std::vector<std::int32_t>& numbers() const { return numbers_; }

  private:
    static constexpr int kLeaves = 5;

    std::int32_t number(std::int32_t least, std::int32_t most) {
        return std::uniform_int_distribution<std::int32_t>(least, most)(random_);
    }

    // What follows when no comparison holds lies behind; what lies behind when one does, too.
    void write(int depth) {
        if (depth == 0) {
            text_ += fmt::format("goto leaf{}\n", number(0, kLeaves - 1));
            return;
        }
        static constexpr std::array kComparisons{"==", "!=", ">",  ">=",  "<",
                                                 "<=", "s>", "s<", "s>=", "s<="};
        for (int comparisons = number(1, 4); comparisons > 0; --comparisons) {
            if (number(0, 5) == 0) {
                text_ += fmt::format("r7 = {}\n", number(1, 100));
            }
            const char* reg = number(0, 3) == 0 ? "w" : "r";
            const auto which = static_cast<std::size_t>(number(0, 14));
            const char* comparison = which < kComparisons.size() ? kComparisons.at(which) : "==";
            const auto with =
                static_cast<std::size_t>(number(0, static_cast<std::int32_t>(numbers_.size()) - 1));
            const int label = labels_++;
            text_ += fmt::format("if {}6 {} {} goto ", reg, comparison, numbers_[with]);
            if (number(0, 1) == 0) {
                text_ += fmt::format("leaf{}\n", number(0, kLeaves - 1));
                continue;
            }
            text_ += fmt::format("way{}\ngoto past{}\nway{}:\n", label, label, label);
            write(depth - 1);
            text_ += fmt::format("past{}:\n", label);
        }
        text_ += fmt::format("goto leaf{}\n", number(0, kLeaves - 1));
    }

    std::mt19937 random_;
    std::vector<std::int32_t> numbers_;
    std::string text_;
    int labels_ = 0;
};

TEST(Switch, AtRandom) {
    constexpr std::uint32_t kTrees = 60;
    for (std::uint32_t seed = 1; seed <= kTrees; ++seed) {
        const Writer writer(seed, Form::tree);
        agree(writer.text(), writer.numbers());
        ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
    }
}

TEST(Switch, AtRandomInALoopThatAddsUp) {
    constexpr std::uint32_t kLoops = 40;
    for (std::uint32_t seed = 1; seed <= kLoops; ++seed) {
        const Writer writer(seed, Form::loop);
        agree(writer.text(), {0, 77});
        ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
    }
}

} // namespace
} // namespace skep::tests
