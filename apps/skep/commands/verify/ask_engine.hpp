// SPDX-License-Identifier: Apache-2.0
//
// An engine's judgement of a program as an Outcome: its verdict, its last words, its counts and its
// log; the finding stays ours, where we refuse too.
//
// Proved by: ask_engine_test.cpp; tests/journeys/run_command_line.
#pragma once

#include "skep/client/loading.hpp"
#include "skep/verify/verify.hpp"

namespace skep::app {

verify::Outcome as_the_engine_says(const client::Judgement& judgement, verify::Outcome ours,
                                   std::uint32_t log_level);

} // namespace skep::app
