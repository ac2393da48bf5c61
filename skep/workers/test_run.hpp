// SPDX-License-Identifier: Apache-2.0
//
// PROG_TEST_RUN without addresses: what goes in, how much room there is for what comes out, and
// what did come out.
#pragma once

#include <cstdint>

#include "skep/base/bytes.hpp"
#include "skep/base/result.hpp"
#include "skep/workers/program_table.hpp"

namespace skep::workers {

struct TestRun {
    ByteVector data_in;
    ByteVector context_in;
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
    std::uint32_t duration_ns = 0;
    std::uint32_t data_out_size = 0; // of the whole, even when less is given
    std::uint32_t context_out_size = 0;
    ByteVector data_out;
    ByteVector context_out;
};

// Runs a program of the table, in this process. `cpu` is the slot that is borrowed for it.
Result<TestRunAnswer> perform_test_run(const ProgramTable& table, std::uint32_t program_id,
                                       const TestRun& run, std::uint32_t cpu);

} // namespace skep::workers
