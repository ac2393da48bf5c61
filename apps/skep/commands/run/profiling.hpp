// SPDX-License-Identifier: Apache-2.0
//
// Profiles: what each instruction of a program cost.
//
// Cycles and time are sampled while machine code runs (os/kernel/sampler.hpp): an address belongs
// to the instruction whose code begins last at or before it, so that what the processor noticed a
// little late counts for a neighbour. How often each instruction is carried out the interpreter
// counts, exactly, on any machine.
#pragma once

#include <optional>

#include "apps/skep/commands/run/run_views.hpp"
#include "apps/skep/words.hpp"

#include "skep/os/kernel/sampler.hpp"

namespace skep::app {

enum class Metric : std::uint8_t { cycles, time, instructions };

// The next word, when it is one of: cycles, time, instructions.
std::optional<Metric> take_metric(Words& words);
std::string metric_names(std::string_view between); // all those words
std::string_view unit_of(Metric metric);
bool is_sampled(Metric metric);

// A sampler for the metric; null for what is counted.
Result<std::unique_ptr<os::Sampler>> open_sampler(Metric metric);

Costs costs_of(const os::Samples& samples, Metric metric, const run::CodeListing& listing);

} // namespace skep::app
