// SPDX-License-Identifier: Apache-2.0
//
// Helpers on packets, one call at a time, here and in the running kernel: the same answer, the same
// packet, the same fields afterwards.
#include <cerrno>

#include <gtest/gtest.h>

#include "skep/contexts/skb_context.hpp"
#include "skep/contexts/xdp_context.hpp"
#include "skep/helpers/invocation.hpp"
#include "skep/helpers/testing/kernel_program.hpp"

namespace skep::helpers {
namespace {

using spec::ProgramType;
using testing::address_of;
using testing::Code;
using testing::KernelValue;

constexpr std::int32_t kStackBytes = 32; // 1, 2, ... 32, below the frame pointer

struct Arg {
    std::uint64_t number = 0;
    bool on_stack = false; // that many bytes into the stack bytes
};
Arg stack(std::uint64_t offset = 0) { return {offset, true}; }

struct Call {
    std::int32_t helper;
    std::vector<Arg> args; // after the context, unless `bare`
    bool bare = false;     // the helper takes no context
};

struct Outcome {
    std::int64_t result = 0;
    ByteVector packet = {}, stack = {};
    std::vector<std::uint32_t> fields = {};
    bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& o) {
    out << o.result << " fields";
    for (const auto field : o.fields) {
        out << ' ' << field;
    }
    out << " packet of " << o.packet.size() << ":";
    for (std::size_t i = 0; i < std::min<std::size_t>(o.packet.size(), 70); ++i) {
        out << ' ' << int{o.packet[i]};
    }
    return out;
}

constexpr std::int16_t kSkbFields[] = {0, 4, 16, 20, 24, 28}; // len, type, protocol, the VLAN tag

std::optional<Outcome> by_kernel(ProgramType type, const Call& call, const ByteVector& packet) {
    const auto value = KernelValue::make(ByteVector(96), false);
    if (!value) {
        return std::nullopt;
    }
    Code code;
    code.copy(6, 1);
    for (std::int32_t at = 0; at < kStackBytes; at += 8) {
        std::uint64_t bytes = 0;
        for (int i = 0; i < 8; ++i) {
            bytes |= static_cast<std::uint64_t>(at + i + 1) << (8 * i);
        }
        code.number(2, bytes);
        code.store8(10, static_cast<std::int16_t>(at - kStackBytes), 2);
    }
    std::uint8_t reg = call.bare ? 1 : 2;
    for (const Arg& arg : call.args) {
        arg.on_stack ? code.stack_address(reg, static_cast<std::int32_t>(arg.number) - kStackBytes)
                     : code.number(reg, arg.number);
        ++reg;
    }
    if (!call.bare) {
        code.copy(1, 6);
    }
    code.call(call.helper);
    code.map_value(7, value->fd(), 0);
    code.store8(7, 0, 0);
    for (std::int32_t at = 0; at < kStackBytes; at += 8) {
        code.raw(0x79, 2, 10, static_cast<std::int16_t>(at - kStackBytes), 0);
        code.store8(7, static_cast<std::int16_t>(8 + at), 2);
    }
    const bool skb = type != ProgramType::xdp;
    std::int16_t to = 48;
    for (const std::int16_t field : kSkbFields) {
        skb ? code.load4(2, 6, field) : code.number(2, 0);
        code.store4(7, to, 2);
        to = static_cast<std::int16_t>(to + 4);
    }
    code.end(0);
    const long fd = testing::load(code, type);
    if (fd < 0) {
        ADD_FAILURE() << "the kernel does not load the call of helper " << call.helper << ": "
                      << fd;
        return std::nullopt;
    }
    const os::Fd program(static_cast<int>(fd));
    const auto after = testing::test_run(program, packet);
    if (!after) {
        ADD_FAILURE() << "the kernel does not run it";
        return std::nullopt;
    }
    const ByteVector found = value->read();
    Outcome outcome;
    std::memcpy(&outcome.result, found.data(), 8);
    outcome.packet = *after;
    outcome.stack.assign(found.begin() + 8, found.begin() + 8 + kStackBytes);
    outcome.fields.resize(std::size(kSkbFields));
    std::memcpy(outcome.fields.data(), found.data() + 48, 4 * std::size(kSkbFields));
    return outcome;
}

std::int64_t do_call(const Call& call, void* context, ByteVector& stack_bytes) {
    Invocation invocation;
    std::uint64_t regs[5] = {address_of(context)};
    std::size_t reg = call.bare ? 0 : 1;
    for (const Arg& arg : call.args) {
        regs[reg++] = arg.on_stack ? address_of(stack_bytes.data() + arg.number) : arg.number;
    }
    const HelperFunction helper = find_helper(static_cast<std::uint32_t>(call.helper));
    return static_cast<std::int64_t>(
        helper(regs[0], regs[1], regs[2], regs[3], regs[4], invocation));
}

Outcome by_us(ProgramType type, const Call& call, const ByteVector& packet) {
    Outcome outcome;
    outcome.stack.resize(kStackBytes);
    for (std::int32_t i = 0; i < kStackBytes; ++i) {
        outcome.stack[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(i + 1);
    }
    outcome.fields.resize(std::size(kSkbFields));
    if (type == ProgramType::xdp) {
        contexts::XdpContext xdp(packet, 0, static_cast<std::uint32_t>(packet.size()));
        outcome.result = do_call(call, &xdp.record(), outcome.stack);
        const Bytes after = xdp.contents();
        outcome.packet.assign(after.begin(), after.end());
        return outcome;
    }
    const bool link = type == ProgramType::sched_cls;
    contexts::SkbContext skb(packet,
                             link ? contexts::FirstLayer::link : contexts::FirstLayer::network);
    outcome.result = do_call(call, &skb.record(), outcome.stack);
    for (std::size_t i = 0; i < std::size(kSkbFields); ++i) {
        std::memcpy(&outcome.fields[i],
                    reinterpret_cast<const char*>(&skb.record()) + kSkbFields[i], 4);
    }
    const Bytes after = skb.frame();
    outcome.packet.assign(after.begin(), after.end());
    return outcome;
}

ByteVector frame_of(std::uint8_t high, std::uint8_t low, std::size_t size = 100) {
    ByteVector frame(size);
    for (std::size_t i = 0; i < size; ++i) {
        frame[i] = static_cast<std::uint8_t>(i + 1);
    }
    frame[0] = 2;
    frame[12] = high;
    frame[13] = low;
    frame[14] = high == 0x86 ? 0x60 : 0x45;
    return frame;
}

void compare(ProgramType type, const std::vector<Call>& calls,
             const std::vector<ByteVector>& packets) {
    for (const Call& call : calls) {
        for (const ByteVector& packet : packets) {
            const std::optional<Outcome> expected = by_kernel(type, call, packet);
            if (!expected) {
                GTEST_SKIP() << "the kernel cannot be asked (bpf(2) needs privilege)";
            }
            std::string what = "helper " + std::to_string(call.helper);
            for (const Arg& arg : call.args) {
                what += (arg.on_stack ? " stack+" : " ") +
                        std::to_string(static_cast<std::int64_t>(arg.number));
            }
            EXPECT_EQ(by_us(type, call, packet), *expected)
                << what << " on type " << int{packet[12]} << ' ' << int{packet[13]};
        }
    }
}

std::uint64_t minus(std::uint64_t number) { return static_cast<std::uint32_t>(0 - number); }

TEST(XdpHelpers, AnswerAsTheKernels) {
    compare(ProgramType::xdp,
            {{44, {{4}}},
             {44, {{minus(216)}}},
             {44, {{minus(217)}}},
             {44, {{86}}},
             {44, {{87}}},
             {54, {{minus(4)}}},
             {54, {{minus(5)}}},
             {54, {{minus(216)}}},
             {54, {{minus(220)}}},
             {54, {{4}}},
             {65, {{10}}},
             {65, {{minus(10)}}},
             {65, {{minus(86)}}},
             {65, {{minus(87)}}},
             {65, {{3420}}},
             {65, {{3421}}},
             {188, {}},
             {189, {{2}, stack(), {16}}},
             {189, {{90}, stack(), {10}}},
             {189, {{91}, stack(), {10}}},
             {189, {{0x10000}, stack(), {1}}},
             {190, {{2}, stack(), {16}}},
             {190, {{99}, stack(), {2}}}},
            {frame_of(8, 0)});
}

// IPv4, IPv6, and IPv4 behind a VLAN tag.
std::vector<ByteVector> packets() {
    ByteVector tagged = frame_of(0x81, 0);
    tagged[16] = 8;
    tagged[17] = 0;
    return {frame_of(8, 0), frame_of(0x86, 0xdd), tagged};
}

TEST(SkbHelpers, AnswerAsTheKernels) {
    const std::vector<Call> calls = {
        {26, {{2}, stack(), {16}}},
        {26, {{95}, stack(), {16}}},
        {26, {{0x80000000}, stack(), {16}}},
        {9, {{14}, stack(), {20}, {0}}},
        {9, {{14}, stack(), {20}, {3}}},
        {9, {{95}, stack(), {20}, {0}}},
        {9, {{14}, stack(), {20}, {4}}},
        {68, {{2}, stack(), {8}, {0}}},
        {68, {{2}, stack(), {8}, {1}}},
        {68, {{2}, stack(), {8}, {2}}},
        {68, {{98}, stack(), {8}, {1}}},
        {10, {{24}, {0x1234}, {0x5678}, {2}}},
        {10, {{24}, {0x12345678}, {0x9abcdef0}, {4}}},
        {10, {{24}, {0}, {0x9abcdef0}, {0}}},
        {10, {{24}, {1}, {2}, {0}}},
        {10, {{24}, {1}, {2}, {3}}},
        {10, {{25}, {1}, {2}, {2}}},
        {10, {{99}, {1}, {2}, {2}}},
        {10, {{24}, {1}, {2}, {0x12}}},
        {11, {{50}, {0x1234}, {0x5678}, {2}}},
        {11, {{50}, {0x12345678}, {0x9abcdef0}, {0x14}}},
        {11, {{50}, {0}, {0x1111}, {0x10}}},
        {11, {{50}, {0x1234}, {0x5678}, {0x22}}},
        {11, {{50}, {0x1234}, {0x5678}, {0x100}}},
        {40, {{0x1234}}},
        {135, {{0}}},
        {135, {{1}}},
        {135, {{4}}},
        {43, {{16}, {0}}},
        {43, {{16}, {1}}},
        {28, {stack(), {8}, stack(8), {8}, {0}}, true},
        {28, {stack(), {16}, stack(16), {8}, {0x1234567}}, true},
        {28, {stack(), {3}, stack(8), {8}, {0}}, true},
        {28, {stack(), {5}, stack(8), {7}, {9}}, true},
        {28, {stack(), {8}, stack(), {8}, {0}}, true},
        {28, {stack(), {8}, stack(), {8}, {0x7fff}}, true},
        {28, {stack(), {4}, stack(8), {0}, {0xffffffff}}, true},
    };
    compare(ProgramType::sched_cls, calls, packets());
}

TEST(SkbHelpers, ChangeShapesAsTheKernels) {
    const std::vector<Call> calls = {
        {18, {{0x0081}, {0x123}}},
        {18, {{0xa888}, {0x0fff}}},
        {18, {{0x1234}, {0x001}}},
        {19, {}},
        {38, {{120}, {0}}},
        {38, {{60}, {0}}},
        {38, {{13}, {0}}},
        {38, {{14}, {0}}},
        {38, {{3000}, {0}}},
        {38, {{70000}, {0}}},
        {38, {{60}, {1}}},
        {39, {{0}}},
        {39, {{50}}},
        {39, {{101}}},
        {31, {{0xdd86}, {0}}},
        {31, {{0x0008}, {0}}},
        {31, {{0x1234}, {0}}},
        {31, {{0xdd86}, {1}}},
        {32, {{0}}},
        {32, {{3}}},
        {32, {{4}}},
        {50, {{8}, {0}, {0}}},
        {50, {{minus(8)}, {0}, {0}}},
        {50, {{8}, {1}, {0}}},
        {50, {{minus(8)}, {1}, {0}}},
        {50, {{20}, {1}, {2}}},
        {50, {{8}, {2}, {0}}},
        {50, {{0x1000}, {0}, {0}}},
        {50, {{minus(80)}, {0}, {0}}},
        {43, {{16}, {0}}},
    };
    compare(ProgramType::sched_cls, calls, packets());
}

TEST(SkbHelpers, AnswerAsTheKernelsWhereTheLinkLayerIsPulled) {
    compare(ProgramType::socket_filter,
            {{26, {{2}, stack(), {16}}},
             {26, {{80}, stack(), {7}}},
             {68, {{2}, stack(), {8}, {0}}},
             {68, {{2}, stack(), {8}, {1}}}},
            {frame_of(8, 0), frame_of(0x86, 0xdd)});
}

} // namespace
} // namespace skep::helpers
