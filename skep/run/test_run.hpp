// SPDX-License-Identifier: Apache-2.0
//
// A test run: a program on one packet or record, as BPF_PROG_TEST_RUN does it.
//
// What goes in is checked in the kernel's order with the kernel's errors; the program runs `repeat`
// times on the same packet and context, changes adding up; what comes out has the kernel's sizes.
// Kinds of program differ by one row each (kKinds in test_run.cpp).
//
// Not carried: live frames, sk_lookup, netfilter, struct_ops (refused with an exact word); sockets
// behind packets (skb->sk reads as null).
//
// Proved by: test_run_test.cpp, which asks the running kernel the same.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "skep/base/bytes.hpp"
#include "skep/run/executable.hpp"

namespace skep::run {

struct TestRun {
    ByteVector data_in;
    ByteVector context_in;
    bool has_context_in = false; // also true when context_in is not empty
    std::uint32_t data_out_room = 0;
    std::uint32_t context_out_room = 0;
    bool wants_data_out = false; // a buffer was given
    bool wants_context_out = false;
    std::uint32_t repeat = 0;
    std::uint32_t flags = 0;
    std::uint32_t cpu = 0;
    std::uint32_t batch_size = 0;
};

struct TestRunAnswer {
    int os_errno = 0; // 0, or what the call answers although the fields below are given (ENOSPC)
    std::uint32_t retval = 0;
    std::uint32_t duration_ns = 0;   // of one run, on average
    std::uint32_t data_out_size = 0; // of the whole, even when less is given
    std::uint32_t context_out_size = 0;
    ByteVector data_out;
    ByteVector context_out;   // for syscall programs: what is to be written back into context_in
    std::uint32_t faults = 0; // runs that a fault in generated code ended
};

// Who runs, and where.
struct TestSubject {
    Executable* executable = nullptr;
    spec::ProgramType type = spec::ProgramType::unspec;
    std::span<maps::Map* const> maps; // of the program, for probe reads
    const helpers::Services* services = nullptr;
    std::uint32_t slot = 0;                           // which the caller has borrowed
    std::function<bool(std::uint32_t)> device_exists; // empty: only the loopback device (1) does
    std::function<bool()> should_stop;                // asked now and then; true ends with EINTR
};

Result<TestRunAnswer> perform_test_run(const TestRun& run, const TestSubject& subject);

} // namespace skep::run
