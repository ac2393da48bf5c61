// SPDX-License-Identifier: Apache-2.0
//
// The perf map: names for generated code, as perf and other profilers read them from
// /tmp/perf-PID.map.
//
//   7f12a4001000 1c2 bpf_prog_6deef7357e7b4530_count_packets
//   address      size name, in hexadecimal without 0x, one line a function
//
// An option, off unless somebody asks: the file outlives the process, and so do its lines when the
// code they name is gone (perf reads the file once, at its end).
//
// Proved by: perf_map_test.cpp.
#pragma once

#include <span>
#include <string>

#include "skep/run/executable.hpp"

namespace skep::run::code {

// The lines for one program; `names` are those of its subprograms, main first.
std::string perf_map_lines(const CodeListing& listing, std::span<const std::string> names);

// Adds them to this process's map, in the folder where perf looks.
Result<void> add_to_perf_map(const CodeListing& listing, std::span<const std::string> names,
                             const std::string& folder = "/tmp");

} // namespace skep::run::code
