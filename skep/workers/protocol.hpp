// SPDX-License-Identifier: Apache-2.0
//
// What the control process and a worker say to each other.
//
// The control process gives orders, each with a number; the worker reports once on each, in the
// order in which it finished them. Descriptors travel beside a message; what may be long (programs,
// packets) travels in sealed memory. Both ends are of one build and one user, and still every field
// is checked: a worker runs programs and may have been broken by one.
//
//   order:   kind u32, number u32, fields...
//   report:  kind u32, number u32, errno i32, text or answer...
//
// Proved by: protocol_test.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "skep/base/bytes.hpp"
#include "skep/base/result.hpp"
#include "skep/datapath/port_spec.hpp"
#include "skep/os/fd.hpp"
#include "skep/spec/map_spec.hpp"
#include "skep/workers/test_run.hpp"

namespace skep::workers {

enum class OrderKind : std::uint32_t {
    begin,          // fds: trace ring, run counts
    add_map,        // id, slots, spec; fds: the map's files
    add_program,    // id, map ids; fd: the encoded program
    remove_map,     // id
    remove_program, // id
    test_run,       // program id, cpu; fd: the run
    start_port,     // program id, cpu, port; fds: counters, the port's files
    exchange,       // program id
    add_target,     // a port's number, the port; fd: what is sent through
    remove_target,  // its number
    profile,        // program id; fd: memory to count its instructions in, none to stop
    compiler,       // fd: a socket to a process that optimises (tier_up.hpp)
};

// Fields of all orders; each kind uses its own.
struct Order {
    OrderKind kind = OrderKind::begin;
    std::uint32_t number = 0;
    std::uint32_t id = 0;
    std::uint32_t cpu = 0; // a slot; for maps the number of slots
    std::vector<std::uint32_t> map_ids;
    ByteVector map_spec; // encoded
    datapath::PortSpec port;
};

struct Report {
    std::uint32_t number = 0;
    int os_errno = 0;
    std::string text;
};

ByteVector encode(const Order& order);
Result<Order> decode_order(Bytes bytes);
ByteVector encode(const Report& report);
Result<Report> decode_report(Bytes bytes);

ByteVector encode(const spec::MapSpec& map);
Result<spec::MapSpec> decode_map_spec(Bytes bytes);
ByteVector encode(const TestRun& run);
Result<TestRun> decode_test_run(Bytes bytes);
ByteVector encode(const TestRunAnswer& answer);
Result<TestRunAnswer> decode_test_run_answer(Bytes bytes);

} // namespace skep::workers
