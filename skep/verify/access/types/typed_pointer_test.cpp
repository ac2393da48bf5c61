// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/access/types/typed_pointer.hpp"

#include <gtest/gtest.h>

namespace skep::verify {
namespace {

struct Bench {
    ProgramSpec program;
    Environment environment;
    Subject subject{program, environment, {}, {}};
    State state = State::entering(0);

    Bench() { program.type = spec::ProgramType::sched_cls; }
    Ruling<Value> load(ValueKind kind, std::int32_t offset, std::uint32_t size,
                       std::uint32_t flags = 0) const {
        return check_typed_access(
            subject, state,
            {.reg = 3, .value = Value::pointer(kind, flags), .offset = offset, .size_bytes = size});
    }
};

TEST(TypedPointer, ASocketIsReadByItsFields) {
    const Bench bench;
    EXPECT_TRUE(bench.load(ValueKind::socket, 16, 4).ok());
    EXPECT_EQ(bench.load(ValueKind::socket_common, 8, 4).finding().kernel_message,
              "R3 invalid sock_common access off=8 size=4");
    EXPECT_EQ(bench.load(ValueKind::tcp_socket, 80, 4).finding().kernel_message,
              "R3 invalid tcp_sock access off=80 size=4");
}

TEST(TypedPointer, ASocketIsNotWritten) {
    const Bench bench;
    const Ruling<Value> ruling = check_typed_access(bench.subject, bench.state,
                                                    {.reg = 3,
                                                     .value = Value::pointer(ValueKind::socket),
                                                     .offset = 0,
                                                     .size_bytes = 4,
                                                     .direction = Direction::write});
    EXPECT_EQ(ruling.finding().kernel_message, "R3 cannot write into sock");
}

TEST(TypedPointer, WhatMayBeNullIsNotRead) {
    const Bench bench;
    const Ruling<Value> ruling = bench.load(ValueKind::socket, 0, 4, kMaybeNull);
    EXPECT_EQ(ruling.finding().kernel_message, "R3 invalid mem access 'sock_or_null'");
    EXPECT_EQ(ruling.finding().code, "E0203");
}

TEST(TypedPointer, AnObjectOfUnknownTypeIsRefused) {
    EXPECT_EQ(Bench().load(ValueKind::btf_object, 0, 8).finding().code, "E0901");
}

} // namespace
} // namespace skep::verify
