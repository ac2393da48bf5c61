// SPDX-License-Identifier: Apache-2.0
//
// Orders and reports: there and back, cut anywhere, and with fields that no sender would write.
#include "skep/workers/protocol.hpp"

#include <gtest/gtest.h>

namespace skep::workers {
namespace {

template <class Decode>
void refuses_every_other_length(const ByteVector& bytes, Decode decode) {
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(decode(Bytes(bytes).first(size)).ok()) << "cut to " << size;
    }
    ByteVector longer = bytes;
    longer.push_back(0);
    EXPECT_FALSE(decode(longer).ok());
}

spec::MapSpec map_of_maps(int depth) {
    spec::MapSpec map;
    map.name = "outer";
    map.type = spec::MapType::array_of_maps;
    map.key_size_bytes = 4;
    map.value_size_bytes = 4;
    map.max_entries = 3;
    map.flags = 1;
    map.numa_node = 2;
    map.map_extra = std::uint64_t{5} << 40;
    map.btf_key_type_id = 6;
    map.btf_value_type_id = 7;
    map.btf_vmlinux_value_type_id = 8;
    map.value_fields = {{spec::FieldKind::timer, 8, 16}};
    if (depth > 0) {
        map.inner = std::make_shared<spec::MapSpec>(map_of_maps(depth - 1));
    }
    return map;
}

TEST(Protocol, AnOrderArrivesAsItWasGiven) {
    Order order;
    order.kind = OrderKind::start_port;
    order.number = 1;
    order.id = 2;
    order.cpu = 3;
    order.map_ids = {4, 5};
    order.map_spec = {6, 7, 8};
    order.port = {datapath::PortKind::tap, "tap:t0", 9, std::uint64_t{10} << 33, true};
    const ByteVector bytes = encode(order);
    const Order got = decode_order(bytes).value();
    EXPECT_EQ(got.kind, order.kind);
    EXPECT_EQ(got.number, 1U);
    EXPECT_EQ(got.id, 2U);
    EXPECT_EQ(got.cpu, 3U);
    EXPECT_EQ(got.map_ids, order.map_ids);
    EXPECT_EQ(got.map_spec, order.map_spec);
    EXPECT_EQ(got.port.kind, datapath::PortKind::tap);
    EXPECT_EQ(got.port.name, "tap:t0");
    EXPECT_EQ(got.port.ifindex, 9U);
    EXPECT_EQ(got.port.network_namespace, order.port.network_namespace);
    EXPECT_TRUE(got.port.out_is_pcapng);
    refuses_every_other_length(bytes, decode_order);
}

TEST(Protocol, AReportArrivesAsItWasGiven) {
    const ByteVector bytes = encode(Report{3, 22, "why"});
    const Report got = decode_report(bytes).value();
    EXPECT_EQ(got.number, 3U);
    EXPECT_EQ(got.os_errno, 22);
    EXPECT_EQ(got.text, "why");
    refuses_every_other_length(bytes, decode_report);
    EXPECT_LT(decode_report(encode(Report{1, 1, std::string(1U << 20, 'x')})).value().text.size(),
              1U << 20);
}

TEST(Protocol, AMapsShapeArrivesWithItsInnerOne) {
    const spec::MapSpec map = map_of_maps(1);
    const ByteVector bytes = encode(map);
    const spec::MapSpec got = decode_map_spec(bytes).value();
    EXPECT_EQ(got.name, map.name);
    EXPECT_EQ(got.type, map.type);
    EXPECT_EQ(got.map_extra, map.map_extra);
    EXPECT_EQ(got.btf_vmlinux_value_type_id, 8U);
    ASSERT_EQ(got.value_fields.size(), 1U);
    EXPECT_EQ(got.value_fields[0].kind, spec::FieldKind::timer);
    ASSERT_NE(got.inner, nullptr);
    EXPECT_EQ(got.inner->max_entries, 3U);
    EXPECT_EQ(got.inner->inner, nullptr);
    EXPECT_EQ(encode(got), bytes);
    refuses_every_other_length(bytes, decode_map_spec);
}

TEST(Protocol, MapsOfMapsWithoutEndAreRefused) {
    EXPECT_TRUE(decode_map_spec(encode(map_of_maps(4))).ok());
    EXPECT_FALSE(decode_map_spec(encode(map_of_maps(5))).ok());
}

TEST(Protocol, WhatNoTableNamesIsRefused) {
    Order order;
    order.kind = static_cast<OrderKind>(99);
    EXPECT_FALSE(decode_order(encode(order)).ok());
    order.kind = OrderKind::begin;
    order.port.kind = static_cast<datapath::PortKind>(99);
    EXPECT_FALSE(decode_order(encode(order)).ok());
    order.port.kind = datapath::PortKind::observe;
    order.map_ids.resize(5000);
    EXPECT_FALSE(decode_order(encode(order)).ok());
    spec::MapSpec map = map_of_maps(0);
    map.value_fields[0].kind = static_cast<spec::FieldKind>(99);
    EXPECT_FALSE(decode_map_spec(encode(map)).ok());
}

TEST(Protocol, ATestRunAndItsAnswerArriveAsTheyWereGiven) {
    TestRun run;
    run.data_in = {1, 2, 3};
    run.context_in = {4};
    run.has_context_in = run.wants_data_out = true;
    run.data_out_room = 5;
    run.context_out_room = 6;
    run.repeat = 7;
    run.flags = 8;
    run.cpu = 9;
    run.batch_size = 10;
    const ByteVector bytes = encode(run);
    EXPECT_EQ(encode(decode_test_run(bytes).value()), bytes);
    EXPECT_EQ(decode_test_run(bytes).value().batch_size, 10U);
    refuses_every_other_length(bytes, decode_test_run);

    TestRunAnswer answer;
    answer.os_errno = 28;
    answer.retval = 1;
    answer.duration_ns = 2;
    answer.data_out_size = 3;
    answer.context_out_size = 4;
    answer.data_out = {5};
    answer.context_out = {6, 7};
    answer.faults = 8;
    const ByteVector answered = encode(answer);
    const TestRunAnswer got = decode_test_run_answer(answered).value();
    EXPECT_EQ(encode(got), answered);
    EXPECT_EQ(got.os_errno, 28);
    EXPECT_EQ(got.context_out, answer.context_out);
    EXPECT_EQ(got.faults, 8U);
    refuses_every_other_length(answered, decode_test_run_answer);
}

} // namespace
} // namespace skep::workers
