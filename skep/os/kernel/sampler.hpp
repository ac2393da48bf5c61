// SPDX-License-Identifier: Apache-2.0
//
// Sampler: where this thread spends its cycles, or its time, by perf_event_open(2).
//
// Some thousand times a second the kernel notes the instruction at which it met the thread, and how
// much had passed since the last time. Cycles need a performance counter, which most virtual
// machines have none of; time needs only a clock. Both may be refused, and the error says why.
//
// What the kernel's code took is left out. Samples are kept in a ring of a fixed size: a run of
// more than some five seconds loses the rest, and says how many.
//
// Proved by: sampler_test.cpp.
#pragma once

#include <cstdint>
#include <vector>

#include "skep/os/fd.hpp"
#include "skep/os/memory.hpp"

namespace skep::os {

enum class Sampled : std::uint8_t { cycles, time_ns };

struct Sample {
    std::uint64_t address = 0; // of an instruction
    std::uint64_t amount = 0;  // cycles or ns since the sample before
};

struct Samples {
    std::vector<Sample> samples;
    std::uint64_t lost = 0; // for want of room
};

class Sampler {
  public:
    // Of the calling thread; at rest.
    static Result<Sampler> open(Sampled what);
    Result<void> start();
    // What was met since it started.
    Result<Samples> stop();

  private:
    Sampler(Fd event, Mapping ring) : event_(std::move(event)), ring_(std::move(ring)) {}

    Fd event_;
    Mapping ring_;
};

} // namespace skep::os
