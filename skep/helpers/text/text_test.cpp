// SPDX-License-Identifier: Apache-2.0
//
// Numbers from text and comparisons, beside the running kernel's answers.
#include <gtest/gtest.h>

#include "skep/helpers/invocation.hpp"
#include "skep/helpers/testing/kernel_program.hpp"

namespace skep::helpers {
namespace {

using testing::address_of;
using testing::Code;
using testing::KernelValue;

struct Answer {
    std::int64_t result = 0;
    std::uint64_t number = 0;
    bool operator==(const Answer&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Answer& a) {
    return out << a.result << ": " << a.number;
}

std::optional<Answer> by_kernel(std::int32_t helper, const std::string& text, std::uint64_t flags) {
    ByteVector start(96);
    std::copy(text.begin(), text.end(), start.begin());
    const auto value = KernelValue::make(start, false);
    if (!value) {
        return std::nullopt;
    }
    Code code;
    code.number(1, 0);
    code.store8(10, -8, 1);
    code.map_value(1, value->fd(), 0);
    code.number(2, text.size());
    code.number(3, flags);
    code.stack_address(4, -8);
    code.call(helper);
    code.map_value(1, value->fd(), 80);
    code.store8(1, 0, 0);
    code.raw(0x79, 2, 10, -8, 0);
    code.store8(1, 8, 2);
    code.end(0);
    // A program type that offers these helpers and can be test-run.
    const long fd = testing::load(code, spec::ProgramType::sched_cls);
    if (fd < 0) {
        return std::nullopt;
    }
    if (!testing::test_run(os::Fd(static_cast<int>(fd)), ByteVector(64))) {
        return std::nullopt;
    }
    const ByteVector after = value->read();
    Answer answer;
    std::memcpy(&answer, after.data() + 80, sizeof answer);
    return answer;
}

Answer by_us(std::int32_t helper, const std::string& text, std::uint64_t flags) {
    Invocation invocation;
    Answer answer;
    answer.result = static_cast<std::int64_t>(find_helper(static_cast<std::uint32_t>(helper))(
        address_of(text.data()), text.size(), flags, address_of(&answer.number), 0, invocation));
    return answer;
}

TEST(Numbers, AreReadAsTheKernelReadsThem) {
    constexpr std::int32_t kSigned = 105;
    constexpr std::int32_t kUnsigned = 106;
    const std::string wide(70, '0');
    for (const std::string& text :
         {std::string("0"),
          std::string("42"),
          std::string("-42"),
          std::string("  7x"),
          std::string("\t\n 9"),
          std::string("+5"),
          std::string("- 5"),
          std::string("--5"),
          std::string("0x1f"),
          std::string("0X1F"),
          std::string("0x"),
          std::string("0xg"),
          std::string("017"),
          std::string("08"),
          std::string("abc"),
          std::string("9223372036854775807"),
          std::string("9223372036854775808"),
          std::string("-9223372036854775808"),
          std::string("-9223372036854775809"),
          std::string("18446744073709551615"),
          std::string("18446744073709551616"),
          std::string("99999999999999999999999999"),
          std::string("1\0002", 3),
          std::string(" "),
          std::string("-"),
          wide + "1",
          std::string("00000000000000000000000000000000000000000000000000000000000000001")}) {
        for (const std::uint64_t flags : {0U, 8U, 10U, 16U, 2U, 32U, 36U}) {
            for (const std::int32_t helper : {kSigned, kUnsigned}) {
                const std::optional<Answer> expected = by_kernel(helper, text, flags);
                if (!expected) {
                    GTEST_SKIP() << "the kernel cannot be asked (bpf(2) needs privilege)";
                }
                Answer ours = by_us(helper, text, flags);
                EXPECT_EQ(ours.result, expected->result)
                    << helper << " '" << text << "' base " << flags;
                if (expected->result >= 0) {
                    EXPECT_EQ(ours, *expected) << helper << " '" << text << "' base " << flags;
                }
            }
        }
    }
}

TEST(Texts, CompareUpToTheirEndOrTheSizeGiven) {
    Invocation invocation;
    const auto compare = [&](const char* left, std::uint32_t size, const char* right) {
        return static_cast<std::int64_t>(
            find_helper(182)(address_of(left), size, address_of(right), 0, 0, invocation));
    };
    EXPECT_EQ(compare("same", 5, "same"), 0);
    EXPECT_EQ(compare("same!", 4, "same?"), 0);
    EXPECT_LT(compare("a", 2, "b"), 0);
    EXPECT_GT(compare("\xff", 2, "b"), 0);
    EXPECT_LT(compare("ab", 3, "abc"), 0);
}

} // namespace
} // namespace skep::helpers
