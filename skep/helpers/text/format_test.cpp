// SPDX-License-Identifier: Apache-2.0
//
// What programs print, beside what the running kernel's bpf_snprintf prints.
#include <cerrno>

#include <gtest/gtest.h>

#include "skep/helpers/testing/kernel_program.hpp"
#include "skep/helpers/text/format.hpp"

namespace skep::helpers {
namespace {

using testing::Code;
using testing::KernelValue;

constexpr std::uint32_t kOutBytes = 100;
constexpr std::size_t kTextOffset = 104; // in the value of results: what %s and %pI4 point at
constexpr std::size_t kResultOffset = 176;
constexpr std::size_t kValueBytes = 184;

struct Argument {
    std::uint64_t number = 0;
    bool is_text = false; // the address of the case's text instead
};

struct Printed {
    std::int64_t result = 0;
    std::string text;
    bool operator==(const Printed&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Printed& p) {
    return out << p.result << " \"" << p.text << '"';
}

struct Question {
    std::string format;
    std::vector<Argument> arguments;
    std::string text = {};
    std::uint32_t room = kOutBytes;
};

// Nothing when the kernel cannot be asked.
std::optional<Printed> by_kernel(const Question& question) {
    ByteVector format(question.format.begin(), question.format.end());
    format.resize(64);
    const auto constant = KernelValue::make(format, true);
    ByteVector start(kValueBytes);
    std::copy(question.text.begin(), question.text.end(), start.begin() + kTextOffset);
    const auto value = KernelValue::make(start, false);
    if (!constant || !value) {
        return std::nullopt;
    }
    Code code;
    for (std::size_t i = 0; i < question.arguments.size(); ++i) {
        const Argument& argument = question.arguments[i];
        argument.is_text ? code.map_value(1, value->fd(), kTextOffset)
                         : code.number(1, argument.number);
        code.store8(10, static_cast<std::int16_t>(-96 + 8 * static_cast<int>(i)), 1);
    }
    code.map_value(1, value->fd(), 0);
    code.number(2, question.room);
    code.map_value(3, constant->fd(), 0);
    question.arguments.empty() ? code.number(4, 0) : code.stack_address(4, -96);
    code.number(5, question.arguments.size() * 8);
    code.call(165);
    code.map_value(1, value->fd(), kResultOffset);
    code.store8(1, 0, 0);
    code.end(0);
    const long fd = testing::load(code, spec::ProgramType::sched_cls);
    if (fd < 0) {
        return Printed{-EINVAL, ""}; // a bad constant format is refused when the program is loaded
    }
    const os::Fd program(static_cast<int>(fd));
    if (!testing::test_run(program, ByteVector(64))) {
        return std::nullopt;
    }
    const ByteVector after = value->read();
    Printed printed;
    std::memcpy(&printed.result, after.data() + kResultOffset, 8);
    printed.text = reinterpret_cast<const char*>(after.data());
    return printed;
}

Printed by_us(const Question& question) {
    std::string text = question.text;
    text.resize(64);
    Invocation invocation;
    invocation.stack = {testing::address_of(text.data()),
                        testing::address_of(text.data() + text.size())};
    std::vector<std::uint64_t> arguments;
    for (const Argument& argument : question.arguments) {
        arguments.push_back(argument.is_text ? testing::address_of(text.data()) : argument.number);
    }
    char out[kOutBytes] = {};
    const auto snprintf = find_helper(165);
    const auto result = static_cast<std::int64_t>(snprintf(
        testing::address_of(out), question.room, testing::address_of(question.format.c_str()),
        testing::address_of(arguments.data()), arguments.size() * 8, invocation));
    return {result, out};
}

void compare(const std::vector<Question>& questions) {
    for (const Question& question : questions) {
        const std::optional<Printed> expected = by_kernel(question);
        if (!expected) {
            GTEST_SKIP() << "the kernel cannot be asked (bpf(2) needs privilege)";
        }
        Printed ours = by_us(question);
        if (ours.result < 0) {
            ours.text.clear();
        }
        EXPECT_EQ(ours, *expected) << '"' << question.format << '"';
    }
}

TEST(Format, PrintsWhatTheKernelPrints) {
    constexpr std::uint64_t kBig = 0xfedcba9876543210;
    const Argument text{0, true};
    const std::vector<Question> questions = {
        {"plain", {}},
        {"100%%", {}},
        {"%d %u %x %X %i", {{~0ULL}, {~0ULL}, {kBig}, {kBig}, {5}}},
        {"%ld %lu %lx %lX", {{~0ULL}, {~0ULL}, {kBig}, {kBig}}},
        {"%lld %llu %llx %lli", {{kBig}, {kBig}, {kBig}, {kBig}}},
        {"[%5d] [%-5d] [%05d] [%+d] [% d]", {{42}, {42}, {42}, {42}, {42}}},
        {"[%-05d] [%+5d] [%+05d] [%012llx]", {{42}, {42}, {0ULL - 42}, {kBig}}},
        {"[% 5d] [%0-5d] [%++d]", {{42}, {42}, {42}}},
        {"%c%c%c", {{'a'}, {'b'}, {0x163}}},
        {"[%5c] [%-3c]", {{'a'}, {'b'}}},
        {"%s", {text}, "hello"},
        {"[%10s] [%-10s]", {text, text}, "hello"},
        {"[%s]", {{8}}},
        {"[%s]", {{0}}},
        {"%px", {{kBig}}},
        {"[%20px]", {{0x1234}}},
        {"%pI4 %pi4", {text, text}, std::string("\x0a\x01\xff\x07", 4)},
        {"%pI6", {text}, std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16)},
        {"%pi6", {text}, std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16)},
        {"%pI4c|", {text}, std::string("\x0a\x01\xff\x07", 4)},
    };
    compare(questions);
}

TEST(Format, RefusesAndCutsWhatTheKernelRefusesAndCuts) {
    const Argument text{0, true};
    const std::vector<Question> questions = {
        {"%d", {}},         // too few arguments
        {"%d", {{1}, {2}}}, // and too many
        {"%o", {{1}}},
        {"%h", {{1}}},
        {"%hd", {{1}}},
        {"%.3d", {{1}}},
        {"%#x", {{1}}},
        {"%*d", {{1}, {2}}},
        {"%f", {{1}}},
        {"%n", {{1}}},
        {"%", {}},
        {"%l", {{1}}},
        {"%llld", {{1}}},
        {"%5", {{1}}},
        {"%5%", {{1}}},
        {"%pd", {{1}}},
        {"%pI5", {{1}}},
        {"%p4", {{1}}},
        {"%lc", {{'a'}}},
        {"%ls", {text}, "x"},
        {"%z", {{1}}},
        {"tab\tnewline\n", {}},
        {"bell\a", {}},
        {"high\x80\xff\xc3\xa9", {}},
        {"delete\x7f", {}},
        {"%\x80", {{1}}},
        {"%p\x80", {{1}}},
        {"cut off %d", {{123456}}, "", 8},
        {"cut off %d", {{123456}}, "", 1},
        {"%s and %d", {text, {7}}, "some longer text to be cut", 12},
        {"%1d%2d%3d%4d", {{1}, {2}, {3}, {4}}},
        {"%99d", {{1}}},
        {"%d%d%d%d%d%d%d%d%d%d%d%d",
         {{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}, {9}, {10}, {11}, {12}}},
    };
    compare(questions);
}

TEST(Format, NeverShowsMemoryThatIsNotTheProgramsOwn) {
    const std::string secret = "secret";
    const std::string text = "[%s] [%pI4]";
    const Invocation invocation;
    const std::uint64_t arguments[] = {testing::address_of(secret.data()),
                                       testing::address_of(secret.data())};
    char out[64];
    EXPECT_EQ(format(invocation, text, arguments, out), 2 + 1 + 2 + 7);
    EXPECT_STREQ(out, "[] [0.0.0.0]");
}

TEST(Format, HashesBareAddresses) {
    const Invocation invocation;
    const std::uint64_t arguments[] = {testing::address_of(&invocation),
                                       testing::address_of(&invocation)};
    char out[64];
    EXPECT_EQ(format(invocation, "%p %p", arguments, out), 33);
    EXPECT_EQ(std::string(out, 16), std::string(out + 17, 16));
    char raw[64];
    format(invocation, "%px", {arguments, 1}, raw);
    EXPECT_EQ(std::string(out).find(raw), std::string::npos);
}

} // namespace
} // namespace skep::helpers
