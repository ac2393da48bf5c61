// SPDX-License-Identifier: Apache-2.0
//
// What was typed after skep run.
#pragma once

#include <optional>
#include <string>

#include "apps/skep/commands/run/profiling.hpp"
#include "apps/skep/words.hpp"

#include "skep/load/object.hpp"
#include "skep/run/tiers.hpp"

namespace skep::app {

// How the programs are to be made ready.
struct RunEngine {
    std::optional<run::Tier> tier;
    bool hardened = false;        // machine code in which no constant stands as it is
    bool profiles = false;        // what each instruction costs
    std::optional<Metric> metric; // in what; nothing: cycles where the machine counts them
    bool perf_map = false;        // names for perf
    // Every instruction is held against what the verifier said of it; the interpreter does that.
    bool checks_claims = false;
    bool tiers_up = false; // optimised in the background while it runs
};

struct RunRequest {
    std::string file;
    std::string program;
    std::optional<std::string> data_in, data_out, context_in;
    std::uint32_t repeat = 1;
    RunEngine engine;
    bool shows_code = false; // bytecode and machine code beside each other
    load::Options options;
};

const std::string& run_arguments(); // the command's grammar
Result<RunRequest> read_run_request(Words& words);

} // namespace skep::app
