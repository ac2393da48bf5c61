// SPDX-License-Identifier: Apache-2.0
//
// A test run of a program that a table knows.
#pragma once

#include "skep/os/net/net_device.hpp"
#include "skep/run/test_run.hpp"
#include "skep/workers/program_table.hpp"

namespace skep::workers {

using run::TestRun;
using run::TestRunAnswer;

// In this process, on the slot `cpu`.
Result<TestRunAnswer> perform_test_run(const ProgramTable& table, std::uint32_t program_id,
                                       const TestRun& run, std::uint32_t cpu,
                                       const os::InterfaceTable& interfaces);

} // namespace skep::workers
